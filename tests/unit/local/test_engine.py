"""Which engine the local stack takes, and what it says of one that it can't take."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
from osmem_server import OsmemServer

from local import engine as engines
from local.processes import StartFailed, free_port
from tests.fakes import guard


def jdk(home: Path, version: str, *, compiler: bool = True) -> Path:
    programs = home / "bin"
    programs.mkdir(parents=True)
    (programs / "java").write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    (programs / "java").chmod(0o755)
    if compiler:
        (programs / "javac").touch(0o755)
    return home


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose only JDKs are those that a test puts into the folder `jvm`."""
    monkeypatch.setattr(engines, "JAVA_FOLDERS", (f"{tmp_path}/jvm/*",))
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(engines.shutil, "which", lambda _name: None)
    return tmp_path


def test_the_newest_jdk_is_taken(machine: Path) -> None:
    for version in ("17.0.9", "25.0.1", "21.0.3"):
        jdk(machine / "jvm" / version, version)
    assert engines.find_java() == (machine / "jvm/25.0.1/bin/java", 25)


def test_a_jdk_in_java_home_goes_before_newer_ones(machine: Path, monkeypatch) -> None:
    jdk(machine / "jvm" / "new", "25")
    monkeypatch.setenv("JAVA_HOME", str(jdk(machine / "mine", "21.0.2")))
    assert engines.find_java() == (machine / "mine/bin/java", 21)


@pytest.mark.parametrize("home", ["nowhere", "old"])
def test_a_java_home_that_does_not_fit_is_passed_over(machine: Path, monkeypatch, home) -> None:
    jdk(machine / "old", "11.0.1")
    jdk(machine / "jvm" / "new", "25")
    monkeypatch.setenv("JAVA_HOME", str(machine / home))
    assert engines.find_java() == (machine / "jvm/new/bin/java", 25)


def test_without_a_jdk_it_says_what_is_missing_and_what_there_is(machine: Path) -> None:
    with pytest.raises(StartFailed, match=r"a JDK of 21 or newer and found none .* JAVA_HOME"):
        engines.find_java()
    jdk(machine / "jvm" / "runtime", "25", compiler=False)
    jdk(machine / "jvm" / "old", "17.0.9")
    with pytest.raises(StartFailed, match=rf"only 17 in {machine}/jvm/old\. Install one"):
        engines.start("opensearch", free_port(), machine)


def test_a_java_that_can_not_be_run_is_no_jdk(machine: Path) -> None:
    (jdk(machine / "jvm" / "foreign", "25") / "bin" / "java").write_bytes(b"\x7fELF")
    with pytest.raises(StartFailed, match="needs a JDK"):
        engines.find_java()


def test_an_engine_of_another_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="osmem or opensearch, not 'solr'"):
        engines.start("solr", free_port(), tmp_path)


# --- a cluster that is there ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    with OsmemServer.start() as server:
        yield server.url
    server.process.stdout.close()


AUTHENTICATED = {
    "basic": {
        "OPENSEARCH_AUTH": "basic",
        "OPENSEARCH_USER": guard.USER,
        "OPENSEARCH_PASSWORD": guard.PASSWORD,
    },
    "sigv4": {"OPENSEARCH_AUTH": "sigv4", "AWS_REGION": guard.REGION},
}


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", guard.ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", guard.SECRET_KEY)


def test_a_cluster_without_authentication_is_taken_as_it_is(cluster: str) -> None:
    assert engines.existing(cluster + "/", {}) == engines.Engine(cluster)


def test_with_a_name_and_a_password_functions_sign_in_themselves(cluster: str) -> None:
    with guard.guarding(cluster, guard.basic) as standing:
        engine = engines.existing(standing.url, AUTHENTICATED["basic"])
    assert (engine.url, standing.refused) == (standing.url, 0)
    assert engine.parameters == {
        "OpenSearchAuth": "basic",
        "OpenSearchUser": guard.USER,
        "OpenSearchPassword": guard.PASSWORD,
    }


def test_with_sigv4_requests_are_signed_by_whoever_runs_the_stack(
    cluster: str, credentials: None
) -> None:
    with guard.guarding(cluster, guard.sigv4) as standing:
        engine = engines.existing(standing.url, AUTHENTICATED["sigv4"])
        index = f"{engine.url}/garner-signed"
        assert urllib3.request("PUT", index, retries=False).status == 200
        document = {"rock": "Glimmerschiefer, größer"}
        written = urllib3.request("POST", f"{index}/_doc?refresh=true", json=document)
        assert written.status == 201
        found = urllib3.request("GET", f"{index}/_search?q=rock:*&filter_path=hits.total").json()
        assert found["hits"]["total"]["value"] == 1
        assert urllib3.request("GET", f"{engine.url}/garner-none", retries=False).status == 404
        engine.stop()
    assert standing.refused == 0
    assert engine.parameters == {}


@pytest.mark.parametrize("kind", AUTHENTICATED)
def test_a_cluster_that_does_not_let_us_in_is_told_at_once(
    cluster: str, credentials: None, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a guess")
    wrong = AUTHENTICATED[kind] | {"OPENSEARCH_PASSWORD": "a guess"}
    with guard.guarding(cluster, guard.CHECKS[kind]) as standing:
        with pytest.raises(StartFailed, match=r"does not let us in \(403\): check OPENSEARCH_AUTH"):
            engines.existing(standing.url, wrong)
        with pytest.raises(StartFailed, match="does not let us in"):
            engines.existing(standing.url, {})


def test_a_cluster_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(StartFailed, match="does not answer"):
        engines.existing(f"http://127.0.0.1:{free_port()}", {})


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({"OPENSEARCH_AUTH": "basic"}, "needs OPENSEARCH_USER and OPENSEARCH_PASSWORD"),
        ({"OPENSEARCH_AUTH": "sigv4"}, "needs the domain's region in AWS_REGION"),
        ({"OPENSEARCH_AUTH": "kerberos"}, "none, basic or sigv4, not 'kerberos'"),
    ],
)
def test_settings_that_lack_something_are_named(environment: dict[str, str], text: str) -> None:
    with pytest.raises(StartFailed, match=text):
        engines.existing("http://127.0.0.1:9", environment)
