"""Child processes that end with their parent, however it ends.

Each child gets a process group of its own and a pipe as standard input. It ends when that pipe
closes, which the operating system does for us if this process is killed.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path


class StartFailed(Exception):
    """Something the stack needs did not come up; the message says what to do."""


class Child:
    """One running program; its output goes to `log`."""

    def __init__(
        self, name: str, command: Sequence[str | Path], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Returns when `ready` says so; raises `StartFailed` if the child ends or takes longer."""
        deadline = time.monotonic() + seconds
        while not ready():
            if self.ended or time.monotonic() > deadline:
                what = "ended" if self.ended else f"was not ready after {seconds:g} s"
                tail = self.log.read_text(errors="replace")[-2000:]
                raise StartFailed(f"{self.name} {what}; its log ({self.log}) ends with:\n{tail}")
            time.sleep(0.05)

    def stop(self, seconds: float) -> None:
        """Asks the child to end and ends its whole group after `seconds`."""
        assert self._process.stdin
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def require_free(port: int, variable: str, what: str) -> None:
    """Raises `StartFailed` if something listens on `port` already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise StartFailed(
                f"Port {port} for {what} is taken. Free it, or choose another: "
                f"make run {variable}={port + 1}"
            ) from None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def minimal_environment(**extra: str) -> dict[str, str]:
    """What a child needs of ours: no credentials, no settings that would change its behaviour."""
    kept = ("PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "JAVA_HOME")
    return {name: os.environ[name] for name in kept if name in os.environ} | extra
