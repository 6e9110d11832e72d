"""How far a large load is: what a task in parts keeps in its log slot (ingest protocol 7).

A load is read once, checked whole and cut into stored parts; then it is applied part by part. What
is saved here is enough to go on at the next part, and to find the parts and pages afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from garner.domain.fields import FieldType
from garner.domain.slots import index_key
from garner.domain.tasks import Counts, Task
from garner.errors import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadProgress:
    """`read` bytes and `entries` so far, in `parts` of so many entries each; `checked`: these are
    all of them. `fields` are what the load binds, `unmapped` the fields it uses that were bound
    before and not mapped, `several` whether it has entry ids. From `roomy` on every subject has
    room for what is left; `tight` are the parts that have a page of entries for which there was
    none.

    `done` parts are applied, with `counts`; `told` are those that have a page of outcomes. Before
    `checked` the two are of entries that validation refuses. `refused`: the engine refused a
    document.
    """

    read: int = 0
    entries: int = 0
    parts: tuple[int, ...] = ()
    checked: bool = False
    fields: Mapping[str, FieldType] = field(default_factory=dict)
    unmapped: frozenset[str] = frozenset()
    several: bool = False
    roomy: bool = False
    tight: tuple[int, ...] = ()
    done: int = 0
    counts: Counts = field(default_factory=Counts)
    told: tuple[int, ...] = ()
    refused: bool = False

    @property
    def firsts(self) -> list[int]:
        """The position of the first entry of each part."""
        return list(accumulate(self.parts, initial=0))[:-1]

    def to_json(self) -> JsonObject:
        return {
            "bytes": self.read,
            "entries": self.entries,
            "parts": self.parts,
            "checked": self.checked,
            "fields": dict(self.fields),
            "unmapped": sorted(self.unmapped),
            "several": self.several,
            "roomy": self.roomy,
            "tight": self.tight,
            "done": self.done,
            "counts": self.counts.to_json(),
            "applied_entries": self.counts.applied,
            "told": self.told,
            "refused": self.refused,
        }

    @classmethod
    def of(cls, task: Task) -> "LoadProgress":
        """What a task has saved; of one that has saved nothing, the beginning."""
        saved = task.progress
        if not saved:
            return cls()
        return cls(
            read=saved["bytes"],
            entries=saved["entries"],
            parts=tuple(saved["parts"]),
            checked=saved["checked"],
            fields={path: FieldType(kind) for path, kind in saved["fields"].items()},
            unmapped=frozenset(saved["unmapped"]),
            several=saved["several"],
            roomy=saved["roomy"],
            tight=tuple(saved["tight"]),
            done=saved["done"],
            counts=Counts(**saved["counts"]),
            told=tuple(saved["told"]),
            refused=saved["refused"],
        )


def entries_of(task: Task) -> int:
    """How many entries a task has, as far as is known."""
    return task.operations or int((task.progress or {}).get("entries", 0))


def part_name(index_id: str, n: int, part: int) -> str:
    """The stored page with the operations of a part."""
    return f"payload/{index_key(index_id)}/parts/{n:012d}/{part:06d}"


def tight_name(index_id: str, n: int, part: int) -> str:
    """The stored page with the entries of a part that their subjects have no room for."""
    return f"{part_name(index_id, n, part)}.tight"


def page_name(index_id: str, n: int, part: int) -> str:
    """The stored page with the outcomes of a part, of those entries that are not just applied."""
    return f"payload/{index_key(index_id)}/outcomes/{n:012d}/{part:06d}"
