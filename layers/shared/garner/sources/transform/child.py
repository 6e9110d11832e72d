"""The transform process. It reads a program, then batches of records, and answers each record by
itself, so that its parent can tell which one it hangs in. It ends when its input does.

A frame is four bytes of length and JSON.
"""

import os
import resource
import sys
from pathlib import Path
from typing import BinaryIO

import orjson

from garner.errors import JsonObject
from garner.sources.transform.program import Program, ProgramError, ProgramSpec

OUT_OF_MEMORY = 77  # exit code


def main(memory: int) -> None:
    """Serve standard input; `memory` is what the process may take beyond its start, in bytes."""
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    spec = ProgramSpec.from_json(_received(incoming) or {})
    try:
        program = Program(spec)
    except ProgramError as error:
        _send(outgoing, {"problems": error.problems})
        return
    _confine(memory)
    _send(outgoing, {"problems": []})
    while batch := _received(incoming):
        for record in batch["records"]:
            _send(outgoing, _answer(program, batch, record))


def _answer(program: Program, batch: JsonObject, record: JsonObject) -> JsonObject:
    try:
        if batch["op"] == "inspect":
            return program.inspect(record)
        return program.transform(record, batch["variables"])
    except (MemoryError, SystemError):
        # The latter is what CPython makes of a failed allocation deep inside. Either way the
        # interpreter is no longer to be trusted.
        os._exit(OUT_OF_MEMORY)
    except RecursionError:
        return {"error": "The record or the transform is nested too deeply."}
    except Exception as error:  # whatever an interpreter raises, it is about this record
        return {"error": f"The transform fails: {str(error)[:300] or type(error).__name__}"}


def _confine(memory: int) -> None:
    """The second line of defence; the parent's clock and scale are the first."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))


def _received(stream: BinaryIO) -> JsonObject | None:
    head = stream.read(4)
    if len(head) < 4:
        return None
    document: JsonObject = orjson.loads(stream.read(int.from_bytes(head, "big")))
    return document


def _send(stream: BinaryIO, document: JsonObject) -> None:
    data = orjson.dumps(document)
    stream.write(len(data).to_bytes(4, "big") + data)
    stream.flush()
