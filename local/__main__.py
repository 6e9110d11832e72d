"""`make run`, `make stop` and `make invoke`: see the Makefile."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from local import stack as local_stack
from local.client import Client
from local.globus_cli import prepare_home
from local.invoke import invoke
from local.processes import StartFailed
from local.stack import Options, Stack, running

STOP_SECONDS = 60.0


def main(verb: str) -> int:
    verbs: Mapping[str, Callable[[Options], int]] = {
        "run": _run,
        "detach": _detach,
        "stop": _stop,
        "invoke": _invoke,
    }
    try:
        return verbs[verb](Options.from_environment(os.environ))
    except StartFailed as failure:
        _explain(failure)
        return 1


def _explain(failure: StartFailed) -> None:
    print(f"\n{failure}\n(The logs are beside stack.json: .local/*.log)", file=sys.stderr)


def _run(options: Options, when_ready: Callable[[], None] = lambda: None) -> int:
    """Stays until Ctrl-C or SIGTERM."""
    asked_to_end = _on_signals()
    try:
        print("Starting Garner on this machine …", flush=True)
        start = time.monotonic()
        with running(options, lambda line: print(line, flush=True)) as stack:
            _introduce(stack, options, time.monotonic() - start)
            when_ready()
            if not asked_to_end():
                signal.pause()
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.")
    return 0


def _on_signals() -> Callable[[], bool]:
    """Ctrl-C and SIGTERM end what is under way. Whether one came is remembered too: the exception
    is lost where the signal meets a callback of the interpreter's own."""
    came: list[int] = []

    def end(number: int, _: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    return lambda: bool(came)


def _detach(options: Options) -> int:
    """Returns once the stack is ready; it goes on in a process of its own."""
    reading, writing = os.pipe()
    if child := os.fork():
        os.close(writing)
        ready = os.read(reading, 1) == b"1"
        return 0 if ready else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) or 1
    os.close(reading)
    os.setsid()
    status = 1
    try:
        status = _run(options, lambda: _step_back(options, writing))
    except StartFailed as failure:
        _explain(failure)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(status)  # the lines after the fork belong to the parent


def _step_back(options: Options, writing: int) -> None:
    """From here on the output goes to a file, and whoever waits for us is told."""
    print("Running in the background; end it with: make stop", flush=True)
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
    with (options.state / "stack.log").open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    os.write(writing, b"1")
    os.close(writing)


def _stop(options: Options) -> int:
    if not options.file.exists():
        print("No stack is running here.")
        return 0
    pid = local_stack.read(options.state)["pid"]
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        options.file.unlink()
        print("The stack had ended already.")
        return 0
    deadline = time.monotonic() + STOP_SECONDS
    while local_stack.is_running(options):
        if time.monotonic() > deadline:
            raise StartFailed(f"The stack (process {pid}) did not end within {STOP_SECONDS:g} s")
        time.sleep(0.1)
    print("Stopped.")
    return 0


def _invoke(options: Options) -> int:
    return invoke(
        local_stack.read(options.state), os.environ["FUNCTION"], Path(os.environ["EVENT"])
    )


def _introduce(stack: Stack, options: Options, seconds: float) -> None:
    """The first search, and what to type next."""
    client = Client(stack.url, stack.people["reader"].key)
    path = f"/v1/index/{stack.index_id}/search?q=protein&limit=3"
    found = client.call("GET", path)
    print(f"\nReady after {seconds:.0f} s. The first search: {stack.url}{path}")
    print(f"  {found['total']} resources, the best three:")
    for result in found["gmeta"]:
        print(f"    {result['entries'][0]['content']['title']}  <{result['subject']}>")
    owner = stack.people["owner"]
    variables = prepare_home(options.state / "globus", owner.key, stack.url)
    settings = " ".join(f"{name}={value}" for name, value in variables.items())
    print(f"""
API      {stack.url}
Index    {stack.index_id}
Engine   {stack.opensearch_url}
Keys     (also in {_shown(options.file)})""")
    for name, person in stack.people.items():
        print(f"  {name:<8} {person.key}")
    print(f"""
curl:
  curl -s "{stack.url}/v1/index/{stack.index_id}/search?q=protein"
  curl -s -H "Authorization: Bearer {owner.key}" {stack.url}/v1/index_list

Python SDK (pip install globus-sdk, or .venv/bin/python):
  GLOBUS_SDK_SERVICE_URL_SEARCH={stack.url}/ .venv/bin/python -c '
import globus_sdk
key = globus_sdk.AccessTokenAuthorizer("{owner.key}")
client = globus_sdk.SearchClient(authorizer=key)
print(client.search("{stack.index_id}", "protein", limit=3))'

Globus CLI (it asks for a login of its own, so give it the owner's key as one):
  env {settings} \\
    .venv/bin/globus search query {stack.index_id} -q protein --limit 3
""")
    if sys.stdout.isatty():
        print("Ctrl-C ends everything.", flush=True)


def _shown(file: Path) -> str:
    return os.path.relpath(file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
