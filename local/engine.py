"""The search engine of the local stack: osmem-server, the real OpenSearch, or one that is there.

ENGINE=osmem (default)   in memory, a static binary from its wheel, up in 0.3 s
ENGINE=opensearch        OpenSearch itself from Maven Central in one JVM of 21 or newer
OPENSEARCH_URL=…         a cluster that somebody else runs; OPENSEARCH_AUTH=basic with
                         OPENSEARCH_USER and OPENSEARCH_PASSWORD, or sigv4 as in this shell
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import osmem_server
import urllib3

from local.environments import TOOLS, one_at_a_time
from local.processes import Child, StartFailed, free_port, minimal_environment
from local.signing import SigningFront

OPENSEARCH = Path(__file__).with_name("opensearch")
OLDEST_JAVA = 21
START_SECONDS = 120.0
FIRST_ANSWER_SECONDS = 10.0
STOP_SECONDS = 20.0
JAVA_FOLDERS = (
    "/usr/lib/jvm/*",
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "/opt/homebrew/opt/openjdk*",
    "/opt/java/*",
    "/opt/jdk*",
    "~/.sdkman/candidates/java/*",
    "~/.jdks/*",
)
JVM_OPTIONS = ("--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED")
HEAP = ("-Xms1g", "-Xmx2g")  # of a laptop's memory


class ToolMissing(StartFailed):
    """This machine has not what the real OpenSearch needs."""


@dataclass(frozen=True)
class Engine:
    """`url` is what functions call, `parameters` how they sign in there."""

    url: str
    child: Child | None = None
    signing: SigningFront | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    def stop(self) -> None:
        if self.child:
            self.child.stop(STOP_SECONDS)
        if self.signing:
            self.signing.stop()


def start(kind: str, port: int, state: Path, heap: Sequence[str] = HEAP) -> Engine:
    """Starts the engine named by `kind`; its data, if it keeps any, goes to `state`. `heap` are the
    options that give OpenSearch its heap."""
    if kind == "osmem":
        command: list[str | Path] = [
            osmem_server.resolve_binary(), "-addr", f"127.0.0.1:{port}", "-no-ja"
        ]  # fmt: skip
    elif kind == "opensearch":
        command = _opensearch(port, state, heap)
    else:
        raise StartFailed(f"ENGINE is osmem or opensearch, not {kind!r}")
    engine = Engine(
        f"http://127.0.0.1:{port}",
        Child(f"The engine ({kind})", command, minimal_environment(), state / "engine.log"),
    )
    try:
        assert engine.child
        engine.child.wait_until(lambda: _answers(engine.url), START_SECONDS)
    except BaseException:
        engine.stop()
        raise
    return engine


def existing(url: str, environment: Mapping[str, str]) -> Engine:
    """A cluster that is there; raises `StartFailed` if it does not let us in."""
    url = url.rstrip("/")
    auth = environment.get("OPENSEARCH_AUTH") or "none"
    user, password = (environment.get(f"OPENSEARCH_{name}", "") for name in ("USER", "PASSWORD"))
    if auth == "sigv4":
        region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        if not region:
            raise StartFailed("OPENSEARCH_AUTH=sigv4 needs the domain's region in AWS_REGION")
        signing = SigningFront(url, region, environment.get("OPENSEARCH_SERVICE") or "es")
        engine = Engine(signing.url, signing=signing)
    elif auth == "basic":
        if not (user and password):
            raise StartFailed("OPENSEARCH_AUTH=basic needs OPENSEARCH_USER and OPENSEARCH_PASSWORD")
        names = ("OpenSearchAuth", "OpenSearchUser", "OpenSearchPassword")
        engine = Engine(url, parameters=dict(zip(names, (auth, user, password), strict=True)))
    elif auth == "none":
        engine = Engine(url)
    else:
        raise StartFailed(f"OPENSEARCH_AUTH is none, basic or sigv4, not {auth!r}")
    try:
        _require_welcome(url, engine, urllib3.make_headers(basic_auth=f"{user}:{password}"))
    except BaseException:
        engine.stop()
        raise
    return engine


def _require_welcome(url: str, engine: Engine, basic: Mapping[str, str]) -> None:
    path, timeout = "/garner-*/_alias", urllib3.Timeout(FIRST_ANSWER_SECONDS)
    try:
        answer = urllib3.request(
            "GET", engine.url + path, retries=False, timeout=timeout,
            headers=basic if engine.parameters else None,
        )  # fmt: skip
    except urllib3.exceptions.HTTPError as error:
        raise StartFailed(f"OPENSEARCH_URL={url} does not answer: {error}") from error
    if answer.status in (401, 403):
        raise StartFailed(
            f"OPENSEARCH_URL={url} does not let us in ({answer.status}): "
            "check OPENSEARCH_AUTH, OPENSEARCH_USER and OPENSEARCH_PASSWORD, or the AWS credentials"
        )
    if answer.status != 200:
        text = answer.data[:300].decode(errors="replace")
        raise StartFailed(f"OPENSEARCH_URL={url} answers {answer.status}: {text}")


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=2).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _opensearch(port: int, state: Path, heap: Sequence[str]) -> list[str | Path]:
    java, version = find_java()
    jars = _jars(java.parent.parent)
    newest = ["--sun-misc-unsafe-memory-access=allow"]  # known from 23 on, needed from 24 on
    options = [*JVM_OPTIONS, *heap, *(newest if version >= 24 else [])]
    source = OPENSEARCH / "OpenSearchNode.java"
    home = state / "opensearch"
    return [java, *options, "-cp", f"{jars}/*", source, home, str(port), str(free_port())]


def _jars(java_home: Path) -> Path:
    """The jars that the project file names, fetched once."""
    project = OPENSEARCH / "pom.xml"
    jars = TOOLS / f"opensearch-{hashlib.sha256(project.read_bytes()).hexdigest()[:12]}"
    with one_at_a_time():
        if not jars.is_dir():
            _fetch(project, jars, java_home)
    return jars


def _fetch(project: Path, jars: Path, java_home: Path) -> None:
    maven = shutil.which("mvn")
    if not maven:
        raise ToolMissing("ENGINE=opensearch needs Maven (mvn) once, to fetch OpenSearch's jars.")
    partial = jars.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(project), "dependency:copy-dependencies"]
    result = subprocess.run(
        [*command, f"-DoutputDirectory={partial}"], capture_output=True, text=True, check=False,
        env=os.environ | {"JAVA_HOME": str(java_home)},
    )  # fmt: skip
    if result.returncode:
        raise StartFailed(f"Maven could not fetch OpenSearch:\n{result.stdout[-2000:]}")
    partial.rename(jars)


def find_java() -> tuple[Path, int]:
    """The newest `java` of this machine and its version; one in `JAVA_HOME` goes first."""
    found = {java: _version(java) for java in _javas()}
    fitting = [(java, version) for java, version in found.items() if version >= OLDEST_JAVA]
    if not fitting:
        older = ", ".join(f"{version} in {java.parent.parent}" for java, version in found.items())
        raise ToolMissing(
            f"ENGINE=opensearch needs a JDK of {OLDEST_JAVA} or newer and found none in JAVA_HOME, "
            f"PATH or the usual folders{f', only {older}' if older else ''}. "
            "Install one, or set JAVA_HOME."
        )
    home = os.environ.get("JAVA_HOME", "")
    return max(fitting, key=lambda java: (bool(home) and java[0].is_relative_to(home), java[1]))


def _javas() -> Iterator[Path]:
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    for pattern in JAVA_FOLDERS:
        place = Path(pattern).expanduser()
        homes += Path(place.anchor).glob(str(place.relative_to(place.anchor)))
    yield from (home / "bin" / "java" for home in homes if (home / "bin" / "javac").exists())
    if on_path := shutil.which("javac"):
        yield Path(on_path).resolve().with_name("java")


def _version(java: Path) -> int:
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)
    except OSError:  # of another architecture, or not to be run
        return 0
    match = re.search(r'version "(\d+)', answer.stderr)
    return int(match[1]) if match else 0
