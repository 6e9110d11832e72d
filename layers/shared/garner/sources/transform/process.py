"""The parent's side of the transform process, and the transformers made of it."""

import os
import selectors
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Self

import orjson

from garner.domain.harvest.source import Source
from garner.errors import JsonObject, SourceFailed
from garner.limits import MAX_KILLS_IN_A_ROW, TRANSFORM_MEMORY_BYTES, TRANSFORM_SECONDS
from garner.ports.sources import Inspected, Transformed, Transformer
from garner.sources.jsonpath import finder
from garner.sources.regex import compiled
from garner.sources.transform.child import OUT_OF_MEMORY
from garner.sources.transform.program import Program, ProgramError, ProgramSpec

_START_SECONDS = 20.0  # imports on a cold machine
_BATCH_BYTES = 1_000_000
_LOOK_SECONDS = 0.02  # how often memory is weighed while a record is waited for
_TOO_MUCH_MEMORY = "The record needs more memory than a transform may take."
_ENDED = "The transform process ended by itself."
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class TransformLimits:
    seconds: float = TRANSFORM_SECONDS
    memory: int = TRANSFORM_MEMORY_BYTES


@dataclass(frozen=True, slots=True)
class SandboxTransformers:
    """`Transformers` (ports). `environment` is all that the processes see of one: no credentials,
    only what the interpreter needs to start (on Lambda `LD_LIBRARY_PATH`)."""

    limits: TransformLimits = field(default_factory=TransformLimits)
    environment: Mapping[str, str] = field(default_factory=dict)

    def open(self, source: Source, document_id_path: str = "") -> Transformer:
        spec = ProgramSpec.of(source, document_id_path)
        if spec.is_harmless:
            return PlainTransformer(spec)
        return SandboxedTransformer(spec, self.limits, self.environment)

    def problems(self, source: Source) -> list[tuple[str, str]]:
        problems = []
        try:
            compiled(source.filename_pattern)
        except ValueError as error:
            problems.append(("filenamePattern", f"{error}."))
        try:
            with _Child(ProgramSpec.of(source), self.limits, self.environment):
                return problems
        except ProgramError as error:
            return problems + error.problems
        except _Killed as killed:
            return [*problems, ("transformScript", killed.reason)]

    def path_problem(self, path: str) -> str | None:
        try:
            finder(path)
        except ValueError as error:
            return str(error)
        return None


def _failed(message: str) -> SourceFailed:
    return SourceFailed(f"The transform can't be used: {message}")


def _inspected(answer: JsonObject) -> Inspected:
    return Inspected(
        kept=answer.get("kept", True),
        key=tuple(answer.get("key", ())),
        error=answer.get("error", ""),
    )


def _transformed(answer: JsonObject) -> Transformed:
    return Transformed(**answer | {"qc_messages": tuple(answer.get("qc_messages", ()))})


class PlainTransformer:
    """For programs without anything that can run away."""

    def __init__(self, spec: ProgramSpec) -> None:
        try:
            self._program = Program(spec)
        except ProgramError as error:
            raise _failed(error.problems[0][1]) from None

    def inspect(self, records: Sequence[JsonObject]) -> list[Inspected]:
        return [_inspected(self._program.inspect(record)) for record in records]

    def transform(
        self, records: Sequence[JsonObject], variables: Mapping[str, str] | None = None
    ) -> list[Transformed]:
        return [_transformed(self._program.transform(each, variables or {})) for each in records]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing to end."""


class SandboxedTransformer:
    """Runs a program in a process, which it replaces when a record makes it run away. After
    `MAX_KILLS_IN_A_ROW` of them it raises `SourceFailed`: the fault is not in the records."""

    def __init__(
        self, spec: ProgramSpec, limits: TransformLimits, environment: Mapping[str, str]
    ) -> None:
        self._spec = spec
        self._limits = limits
        self._environment = environment
        self._child: _Child | None = None
        self._kills = 0

    def inspect(self, records: Sequence[JsonObject]) -> list[Inspected]:
        return [_inspected(answer) for answer in self._answers("inspect", records, {})]

    def transform(
        self, records: Sequence[JsonObject], variables: Mapping[str, str] | None = None
    ) -> list[Transformed]:
        answers = self._answers("transform", records, variables or {})
        return [_transformed(answer) for answer in answers]

    def _answers(
        self, op: str, records: Sequence[JsonObject], variables: Mapping[str, str]
    ) -> Iterator[JsonObject]:
        head = orjson.dumps({"op": op, "variables": variables})[:-1] + b',"records":['
        for batch in _batches(records):
            done = 0
            while done < len(batch):
                try:
                    child = self._started()
                    child.send(head + b",".join(batch[done:]) + b"]}")
                    while done < len(batch):
                        answer = child.answer(self._limits.seconds)
                        done += 1
                        self._kills = 0
                        yield answer
                except _Killed as killed:
                    self._child = None
                    self._count_kill(killed)
                    done += 1
                    yield {"error": killed.reason}

    def _started(self) -> "_Child":
        if self._child is None:
            try:
                self._child = _Child(self._spec, self._limits, self._environment)
            except ProgramError as error:
                raise _failed(error.problems[0][1]) from None
        return self._child

    def _count_kill(self, killed: "_Killed") -> None:
        self._kills += 1
        if self._kills >= MAX_KILLS_IN_A_ROW:
            raise _failed(f"{killed.reason} So it went for {self._kills} records in a row.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._child:
            self._child.end()
            self._child = None


def _batches(records: Sequence[JsonObject]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for record in records:
        data = orjson.dumps(record)
        if batch and size + len(data) > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(data)
        size += len(data)
    if batch:
        yield batch


class _Killed(Exception):
    """The process had to be ended, or ended itself; it is gone."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Child:
    """One process. Raises `ProgramError` where it can't compile its program."""

    def __init__(
        self, spec: ProgramSpec, limits: TransformLimits, environment: Mapping[str, str]
    ) -> None:
        self._memory = limits.memory
        code = (
            f"import sys; sys.path[:] = {[path for path in sys.path if path]!r};"
            " from garner.sources.transform.child import main;"
            f" main({limits.memory})"
        )
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-I", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environment),
            cwd="/",
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._output, selectors.EVENT_READ)
        self._read = bytearray()
        self.send(orjson.dumps(asdict(spec)))
        problems = self.answer(_START_SECONDS)["problems"]
        if problems:
            self.end()
            raise ProgramError([(field, text) for field, text in problems])

    def send(self, data: bytes) -> None:
        """A frame. The process reads all of it before it answers, so this can't block for ever."""
        left = memoryview(len(data).to_bytes(4, "big") + data)
        try:
            while left:
                left = left[self._input.write(left) or 0 :]
        except BrokenPipeError:
            self._kill(_ENDED)

    def answer(self, seconds: float) -> JsonObject:
        """The next frame; ends the process if it takes longer, or takes too much memory."""
        deadline = monotonic() + seconds
        while True:
            size = int.from_bytes(self._read[:4], "big") + 4 if len(self._read) >= 4 else 0
            if size and len(self._read) >= size:
                document: JsonObject = orjson.loads(bytes(self._read[4:size]))
                del self._read[:size]
                return document
            if self._selector.select(_LOOK_SECONDS):
                self._take()
            elif self._resident() > self._memory:
                self._kill(_TOO_MUCH_MEMORY)
            elif monotonic() > deadline:
                self._kill(f"The record takes longer than the {seconds:g} seconds of a transform.")

    def _take(self) -> None:
        data = os.read(self._output.fileno(), 1_000_000)
        if not data:
            ended_for_memory = self._process.wait() == OUT_OF_MEMORY
            self._kill(_TOO_MUCH_MEMORY if ended_for_memory else _ENDED)
        self._read += data

    def _resident(self) -> int:
        try:
            return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * _PAGE
        except (OSError, IndexError):
            return 0

    def _kill(self, reason: str) -> None:
        self.end()
        raise _Killed(reason)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._selector.close()
        self._input.close()
        self._output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.end()
