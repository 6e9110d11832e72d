"""Makes the tool environments from their lock files, on a machine that has Python and pip only.

    python3 local/environments.py dev sam ministack layer

Standard library only, since this is what brings in everything else. An environment is made again
when the hash of its lock or the interpreter changed, and is left alone otherwise.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (this is the line that says so on an older machine)
    sys.exit(
        "Garner needs Python 3.11 or newer, and %s is %d.%d. Name a newer one: "  # noqa: UP031
        "make PYTHON=/path/to/python3.13 …" % (sys.executable, *sys.version_info[:2])
    )

import ast
import fcntl
import hashlib
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".local" / "tools"
UV = TOOLS / "uv" / "bin" / "uv"
INTERPRETER = f"{sys.base_prefix} {sys.version.split()[0]}"
SETTINGS_FOR_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}
ENVIRONMENTS = {
    "dev": (ROOT / ".venv", ROOT / "locks" / "dev.txt"),
    "sam": (TOOLS / "sam", ROOT / "locks" / "sam.txt"),
    "ministack": (TOOLS / "ministack", ROOT / "locks" / "ministack.txt"),
    # The Django portal framework, which needs an older SDK than the other clients.
    "portal": (TOOLS / "portal", ROOT / "locks" / "portal.txt"),
    # The functions' libraries for this machine's interpreter; the deployed layer has its own build.
    "layer": (TOOLS / "layer", ROOT / "layers" / "dependencies" / "requirements.txt"),
}


def make(names: list[str]) -> None:
    """Brings the named environments up to date with their locks."""
    stale = [name for name in names if not _is_current(*ENVIRONMENTS[name])]
    if not stale:
        return
    with one_at_a_time():
        print(f"Preparing the tools ({', '.join(stale)}) …", file=sys.stderr, flush=True)
        _make_uv()
        environment = _uv_environment()
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda name: _make(*ENVIRONMENTS[name], environment), stale))


def _make(folder: Path, lock: Path, environment: dict[str, str]) -> None:
    if _is_current(folder, lock):
        return
    stamp = _stamp(folder)
    if not stamp.exists() or stamp.read_text().split("\n")[0] != INTERPRETER:
        _run([UV, "venv", "--quiet", "--clear", "--python", sys.executable, folder], environment)
    sync: list[str | Path] = [
        UV,
        "pip",
        "sync",
        "--quiet",
        "--require-hashes",
        "--python",
        folder / "bin" / "python",
    ]
    _run([*sync, "--compile-bytecode", lock], environment)  # 30 processes import it at once
    stamp.write_text(_fingerprint(lock))


def _make_uv() -> None:
    folder, lock = TOOLS / "uv", ROOT / "locks" / "uv.txt"
    if _is_current(folder, lock):
        return
    target = ["--target", str(folder), "--upgrade", "--require-hashes", "-r", str(lock)]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    result = subprocess.run([*pip, *target], capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(
            f"{result.stderr}\nuv could not be installed with pip, see above. Garner needs a "
            "Python with pip (on Debian: apt-get install python3-pip) and a package index."
        )
    _stamp(folder).write_text(_fingerprint(lock))


def _is_current(folder: Path, lock: Path) -> bool:
    stamp = _stamp(folder)
    return stamp.exists() and stamp.read_text() == _fingerprint(lock)


def _stamp(folder: Path) -> Path:
    return folder / ".garner-lock"


def _fingerprint(lock: Path) -> str:
    return f"{INTERPRETER}\n{hashlib.sha256(lock.read_bytes()).hexdigest()}"


def _uv_environment() -> dict[str, str]:
    """uv does not read pip's configuration: what this machine has set there holds for uv too."""
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    environment |= {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "UV_SYSTEM_CERTS": "1"}
    for name, value in _pip_settings().items():
        if name in SETTINGS_FOR_UV:
            environment.setdefault(SETTINGS_FOR_UV[name], value)
        elif name == "find-links":
            places = [p for p in value.split() if urlsplit(p).scheme or Path(p).is_dir()]
            if places:
                environment.setdefault("UV_FIND_LINKS", ",".join(places))
    return environment


def _pip_settings() -> dict[str, str]:
    listing = [sys.executable, "-m", "pip", "config", "list"]
    result = subprocess.run(listing, capture_output=True, text=True, check=False)
    settings = {}
    for line in result.stdout.splitlines():
        name, _, value = line.partition("=")
        settings[name.rpartition(".")[2]] = str(ast.literal_eval(value))
    return settings


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two commands started together must not make the same environment twice."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    with (TOOLS / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(command: list[str | Path], environment: dict[str, str]) -> None:
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{result.stderr}")


if __name__ == "__main__":
    make(sys.argv[1:])
