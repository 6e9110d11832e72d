"""Merge a pack into whole subjects: one write per subject at the version of its last operation.

A document is a function of the log up to its version and of nothing else (ingest protocol 1).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from garner import limits
from garner.domain import documents as doc
from garner.domain.operations import Verb
from garner.domain.tasks import EntryOutcome, TaskError
from garner.domain.versions import slot_of
from garner.ports.engine_writer import StoredDocument, Write
from garner.services.drain.judge import Judged, Step

Entries = dict[str | None, bytes]

ENTRY_LIMIT = "ENTRY_LIMIT"
SUBJECT_TOO_LARGE = "SUBJECT_TOO_LARGE"


@dataclass(slots=True)
class Stored:
    """A subject as it was read: nothing at version 0 where it is not there."""

    version: int = 0
    entries: Entries = field(default_factory=dict)


NOTHING = Stored()


@dataclass(slots=True)
class Merged:
    """What a pack comes to. `already` are subjects whose operations are all in what was read.

    `cut`: the pack has to end before this slot, and the merge has to be done again without it.
    """

    subjects: dict[str, tuple[int, Entries]] = field(default_factory=dict)
    already: dict[str, Stored] = field(default_factory=dict)
    cut: int | None = None

    def writes(self) -> list[Write]:
        again = ((subject, was.version, was.entries) for subject, was in self.already.items())
        fresh = ((subject, at, entries) for subject, (at, entries) in self.subjects.items())
        return [
            Write(doc.document_id(subject), at, document(subject, at, entries), not entries)
            for source in (fresh, again)
            for subject, at, entries in source
        ]


def document(subject: str, at: int, entries: Entries) -> bytes:
    """The stored document, or the tombstone where there is no entry."""
    if not entries:
        return _tombstone(subject, at)
    ordered = entries.values() if len(entries) == 1 else _in_order(entries)
    return _live(subject, b",".join(ordered))


def _live(subject: str, entries: bytes) -> bytes:
    return b'{"subject":%b,"live":true,"entries":[%b]}' % (orjson.dumps(subject), entries)


def _tombstone(subject: str, at: int) -> bytes:
    name = orjson.dumps(subject)
    return b'{"subject":%b,"live":false,"slot":%d,"entries":[]}' % (name, slot_of(at))


def _in_order(entries: Entries) -> list[bytes]:
    return [entries[entry_id] for entry_id in sorted(entries, key=lambda each: each or "")]


def stored(found: StoredDocument) -> Stored:
    entries = {
        entry.get(doc.ENTRY_ID): orjson.dumps(entry) for entry in found.document[doc.ENTRIES]
    }
    return Stored(found.version, entries)


def merge(pack: Sequence[Judged], base: Mapping[str, Stored] | None) -> Merged:
    """Goes through the pack in order. `base` is what was read of every subject, None in an index
    whose subjects have one entry each: there every write is blind.

    Fills `limited` of the tasks, or fails them. A task over a limit must be judged alone, before
    anything of it is sent: anywhere but at the start of the pack it ends the pack before it, and
    at the start it ends the pack behind it.
    """
    merged = Merged()
    for place, judged in enumerate(pack):
        if judged.error:
            continue
        trial = _Trial(judged, merged, base)
        judged.superseded = []
        limited = [trial.take(step) for step in judged.steps]
        judged.limited = [each for each in limited if each]
        if judged.limited:
            if place > 0:
                merged.cut = judged.task.n
                return merged
            if not judged.task.skip_errors:
                judged.fail(TaskError.LIMIT)
            else:
                trial.keep()
            merged.cut = pack[1].task.n if len(pack) > 1 else None
            return merged
        trial.keep()
    return merged


def blind_writes(judged: Judged) -> Iterable[Write]:
    """What `merge` of this task alone comes to in an index whose subjects have one entry each."""
    steps = [] if judged.error else judged.steps
    if len({step.subject for step in steps}) < len(steps):
        return merge([judged], None).writes()
    return (
        Write(doc.document_id(step.subject), step.version, _live(step.subject, step.entry))
        if step.entry
        else Write(
            doc.document_id(step.subject),
            step.version,
            _tombstone(step.subject, step.version),
            tombstone=True,
        )
        for step in steps
    )


class _Trial:
    """One task's effect, kept only if the task stands."""

    def __init__(self, judged: Judged, merged: Merged, base: Mapping[str, Stored] | None) -> None:
        self._judged = judged
        self._merged = merged
        self._base = base
        self._subjects: dict[str, tuple[int, Entries]] = {}
        self._already: set[str] = set()

    def take(self, step: Step) -> EntryOutcome | None:
        """Applies a step, or says that its subject has no room for it."""
        subject = step.subject
        before = self._subjects.get(subject) or self._merged.subjects.get(subject)
        if before and before[0] > step.version:  # only a replay can come that late
            self._judged.superseded.append(step)
            return None
        if self._base is None:
            self._subjects[subject] = step.version, _alone(step)
            return None
        was = self._base.get(subject, NOTHING)
        if was.version >= step.version:
            self._already.add(subject)
            if step.replayed and was.version > step.version:
                self._judged.superseded.append(step)
            return None
        entries = dict(before[1] if before else was.entries)
        _change(entries, step)
        if step.verb is Verb.UPSERT and (
            problem := no_room(step, len(entries), sum(map(len, entries.values())))
        ):
            return problem
        self._subjects[subject] = step.version, entries
        return None

    def keep(self) -> None:
        merged = self._merged
        merged.subjects.update(self._subjects)
        for subject in self._subjects:
            merged.already.pop(subject, None)
        if self._base is not None:
            for subject in self._already.difference(merged.subjects):
                merged.already[subject] = self._base.get(subject, NOTHING)


def _alone(step: Step) -> Entries:
    return {} if step.entry is None else {step.entry_id: step.entry}


def _change(entries: Entries, step: Step) -> None:
    match step.verb:
        case Verb.UPSERT:
            assert step.entry is not None
            entries[step.entry_id] = step.entry
        case Verb.DELETE_ENTRY:
            entries.pop(step.entry_id, None)
        case Verb.DELETE_SUBJECT:
            entries.clear()


def no_room(step: Step, entries: int, size: int) -> EntryOutcome | None:
    """Why a subject that would have so many entries of so many bytes may not."""
    if entries > limits.MAX_ENTRIES_PER_SUBJECT:
        return _limited(
            step, ENTRY_LIMIT, f"A subject has at most {limits.MAX_ENTRIES_PER_SUBJECT} entries"
        )
    if size > limits.MAX_SUBJECT_DOCUMENT_BYTES:
        most = limits.MAX_SUBJECT_DOCUMENT_BYTES // 1_000_000
        return _limited(
            step, SUBJECT_TOO_LARGE, f"A subject has at most {most} MB with all its entries"
        )
    return None


def _limited(step: Step, code: str, reason: str) -> EntryOutcome:
    return EntryOutcome(
        step.position, subject=step.subject, entry_id=step.entry_id, code=code, reason=reason
    )
