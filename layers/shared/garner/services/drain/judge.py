"""Judge a task as a whole, before anything of it is written (ingest protocol 3, step 5).

A function of the task and what the tasks up to it have bound, so that every repetition says the
same.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import orjson

from garner.domain import documents as doc
from garner.domain.content import CheckedContent, Checker, FieldProblem
from garner.domain.fields import FieldType, Schema, engine_path, parse_contract_path
from garner.domain.operations import Operation, Verb, cut, header, lines, operation
from garner.domain.outline import Outline
from garner.domain.tasks import EntryOutcome, Task, TaskError
from garner.domain.versions import version
from garner.errors import JsonObject


@dataclass(slots=True)
class Step:
    """An operation that passed: `entry` is the JSON of the stored entry, None for a delete."""

    position: int
    version: int
    verb: Verb
    subject: str
    entry_id: str | None
    entry: bytes | None
    replayed: bool = False


@dataclass(slots=True)
class Judged:
    """`refused` are the entries that break a rule; with an `error` nothing of the task is applied.

    The merge fills `limited`, the entries that their subject has no room for, and `superseded`,
    replayed operations that newer ones stand on.
    """

    task: Task
    steps: list[Step] = field(default_factory=list)
    refused: list[EntryOutcome] = field(default_factory=list)
    limited: list[EntryOutcome] = field(default_factory=list)
    superseded: list[Step] = field(default_factory=list)
    error: TaskError | None = None
    message: str | None = None
    new_fields: dict[str, FieldType] = field(default_factory=dict)
    used_unmapped: set[str] = field(default_factory=set)

    @property
    def several(self) -> bool:
        """Whether the task binds `multi_entry`: deletes of an entry id do so too."""
        return any(step.entry_id is not None for step in self.steps)

    def fail(self, error: TaskError, message: str | None = None) -> None:
        self.error, self.message = error, message


class Judge:
    """Judges tasks in the order of the log. The checker is kept while the registry stays the same:
    it knows the fields it has met."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._checker: Checker | None = None

    def rebind(self, schema: Schema) -> None:
        self.schema = schema
        self._checker = None

    def judge(self, task: Task, payload: bytes, unmapped: set[str] | None = None) -> Judged:
        """`unmapped` are fields that are bound but not in the mapping yet."""
        judged = self.judge_operations(task, payload, unmapped=unmapped)
        if judged.refused and not task.skip_errors:
            judged.fail(TaskError.VALIDATION)
        if judged.error:
            judged.steps = []
        return judged

    def judge_operations(
        self,
        task: Task,
        payload: bytes,
        *,
        first: int = 0,
        unmapped: set[str] | None = None,
    ) -> Judged:
        """Each for itself; the payload's first operation has position `first` in the task."""
        head = header(payload)
        declared = declared_types(head)
        schema = self.schema.as_of(task.n)
        checker = self._checker_for(schema, declared)
        judged = Judged(task)
        if problem := checker.declaration_problem:
            judged.fail(TaskError.VALIDATION, problem.reason)
            return judged
        outline = Outline.from_header(head)
        if outline and outline.fits(schema.fields):
            closer = _take_plain(judged, payload, first, outline)
            if unmapped:
                judged.used_unmapped |= unmapped.intersection(outline.kinds)
        else:
            closer = list(enumerate(lines(payload), first))
        for position, line in closer:
            step, refusal = _judge_one(
                task.n, operation(position, orjson.loads(line), line), checker, judged, unmapped
            )
            if step:
                judged.steps.append(step)
            elif refusal:
                judged.refused.append(refusal)
        if closer:  # else they are in order
            judged.steps.sort(key=lambda step: step.position)
        judged.new_fields = dict(checker.new_fields)
        if unmapped:
            judged.used_unmapped |= unmapped.intersection(declared)
        return judged

    def _checker_for(self, schema: Schema, declared: Mapping[str, FieldType]) -> Checker:
        if declared or schema is not self.schema:
            return Checker(schema, declared)
        if self._checker is None or self._checker.new_fields:
            self._checker = Checker(schema)
        return self._checker


def _take_plain(
    judged: Judged, payload: bytes, first: int, outline: Outline
) -> list[tuple[int, bytes]]:
    """Takes what the outline vouches for; the lines that are left, with their positions."""
    at = version(judged.task.n)
    left: list[tuple[int, bytes]] = []
    for number, line in enumerate(lines(payload)):
        position = first + number
        if number in outline.odd or not (plain := cut(line)):
            left.append((position, line))
            continue
        subject, entry_id, entry = plain
        judged.steps.append(Step(position, at + position, Verb.UPSERT, subject, entry_id, entry))
    return left


def _judge_one(
    n: int, operation: Operation, checker: Checker, judged: Judged, unmapped: set[str] | None
) -> tuple[Step | None, EntryOutcome | None]:
    at = version(n, operation.position) if operation.at is None else operation.at
    entry = None
    if operation.verb is Verb.UPSERT:
        content = operation.entry[doc.CONTENT]
        checked = checker.check(content)
        if isinstance(checked, FieldProblem):
            return None, refusal(operation, checked)
        if unmapped:
            judged.used_unmapped.update(among(unmapped, checked.indexed))
        entry = stored_entry(operation, checked)
    return Step(
        operation.position,
        at,
        operation.verb,
        operation.subject,
        operation.entry_id,
        entry,
        operation.at is not None,
    ), None


def refusal(operation: Operation, problem: FieldProblem) -> EntryOutcome:
    return EntryOutcome(
        operation.position,
        subject=operation.subject,
        entry_id=operation.entry_id,
        code=problem.code,
        field=problem.field,
        expected=problem.expected,
        found=problem.found,
        reason=problem.reason,
    )


def stored_entry(operation: Operation, checked: CheckedContent) -> bytes:
    """The entry as `garner.domain.documents` describes it."""
    line = operation.entry
    is_plain = not checked.differs and doc.PRINCIPAL_SETS not in line and operation.at is None
    if is_plain and (plain := cut(operation.raw)):
        return plain[2]
    entry: JsonObject = {}
    if operation.entry_id is not None:
        entry[doc.ENTRY_ID] = operation.entry_id
    entry[doc.VISIBLE_TO] = line[doc.VISIBLE_TO]
    if sets := line.get(doc.PRINCIPAL_SETS):
        entry[doc.PRINCIPAL_SETS] = [
            doc.principal_set_term(name, urn) for name, urns in sets.items() for urn in urns
        ]
    entry[doc.CONTENT] = checked.indexed
    if checked.differs:
        entry[doc.ORIGINAL] = line[doc.CONTENT]
    return orjson.dumps(entry)


def declared_types(head: JsonObject) -> dict[str, FieldType]:
    """Types that the task declares; the header has the paths as callers write them."""
    return {
        engine_path(parse_contract_path(path)): FieldType(kind)
        for path, kind in head.get("declared", {}).items()
    }


def among(wanted: AbstractSet[str], indexed: JsonObject) -> set[str]:
    """Which of these engine paths have a value in a projection."""
    found: set[str] = set()
    _walk(indexed, "", lambda path: found.add(path) if path in wanted else None)
    return found


def _walk(value: object, path: str, visit: Callable[[str], None]) -> None:
    if path:
        visit(path)
    if isinstance(value, dict):
        for key, inner in value.items():
            _walk(inner, f"{path}.{key}" if path else key, visit)
    elif isinstance(value, list):
        for inner in value:
            _walk(inner, path, visit)
