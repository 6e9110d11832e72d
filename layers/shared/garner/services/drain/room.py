"""Whether the subjects of a large load have room for all of its entries (contract 5).

Judged for the whole load before anything of it is sent. What its entries come to is kept on disk,
since a load may have millions of subjects.
"""

import sqlite3
from collections.abc import Iterator, Mapping

import orjson

from garner.domain.documents import document_id
from garner.domain.operations import Verb
from garner.domain.tasks import EntryOutcome
from garner.services.drain.judge import Judged, Step
from garner.services.drain.merge import Stored, no_room

Sizes = dict[str, int]
"""Entry id, with a sign before it, or nothing for the null id → bytes of the entry."""

_ASKED_AT_ONCE = 500


class Room:
    """What the subjects have after the parts so far."""

    def __init__(self) -> None:
        self._disk = sqlite3.connect("")  # a file of its own that is gone with the connection
        self._disk.execute("CREATE TABLE subject (id TEXT PRIMARY KEY, sizes BLOB) WITHOUT ROWID")

    def close(self) -> None:
        self._disk.close()

    def known(self, judged: Judged) -> dict[str, Sizes]:
        """What earlier parts left in subjects of this one."""
        names = {document_id(step.subject): step.subject for step in judged.steps}
        ids, found = list(names), {}
        for start in range(0, len(ids), _ASKED_AT_ONCE):
            some = ids[start : start + _ASKED_AT_ONCE]
            marks = ",".join("?" * len(some))
            rows = self._disk.execute(
                f"SELECT id, sizes FROM subject WHERE id IN ({marks})",  # noqa: S608 - marks only
                some,
            )
            found.update({names[each]: orjson.loads(sizes) for each, sizes in rows})
        return found

    def take(self, judged: Judged, subjects: dict[str, Sizes]) -> list[EntryOutcome]:
        """The entries of a part that there is no room for. `subjects` is what each had before."""
        tight = [outcome for step in judged.steps if (outcome := _take(step, subjects))]
        self._disk.executemany("INSERT OR REPLACE INTO subject VALUES (?, ?)", _rows(subjects))
        return tight


def sizes_of(stored: Stored) -> Sizes:
    return {_name(entry_id): len(entry) for entry_id, entry in stored.entries.items()}


def _name(entry_id: str | None) -> str:
    return "" if entry_id is None else f"+{entry_id}"


def _take(step: Step, subjects: dict[str, Sizes]) -> EntryOutcome | None:
    assert step.verb is Verb.UPSERT
    assert step.entry is not None
    sizes = subjects[step.subject] | {_name(step.entry_id): len(step.entry)}
    if problem := no_room(step, len(sizes), sum(sizes.values())):
        return problem
    subjects[step.subject] = sizes
    return None


def _rows(subjects: Mapping[str, Sizes]) -> Iterator[tuple[str, bytes]]:
    return ((document_id(subject), orjson.dumps(sizes)) for subject, sizes in subjects.items())
