"""XML documents, streamed: one record in memory at a time (controller contract 4.4 to 4.6).

No entities, no DTD is loaded, no network, and the library's own limits on depth and text stay on.
"""

import io
from collections.abc import Iterator
from typing import Any

from lxml import etree

from garner.domain.harvest.records import Unusable, checked_record
from garner.domain.harvest.source import XmlFormat
from garner.domain.harvest.xml_json import wrapped, written_name
from garner.errors import SourceFailed
from garner.sources.expand import CHUNK
from garner.sources.readers.parsed import Parsed, RecordBudget

_OPTIONS = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


def xml_records(stream: io.BufferedReader, form: XmlFormat, offset: int = 0) -> Iterator[Parsed]:
    """Records of a whole document; the first `offset` of them are left out."""
    budget = RecordBudget(stream)
    walk = _Walk(form, budget)
    done = 0
    try:
        for element in walk.elements(events(budget)):
            done += 1
            if done > offset:
                yield _record(element, done)
    except etree.XMLSyntaxError as error:
        raise SourceFailed(
            f"The answer is not well-formed XML, or is cut off, after {done} records."
        ) from error
    if not walk.found:
        raise SourceFailed(
            f"The answer has no element `{form.top_element or form.document_element}` at its root"
            " or directly below."
        )


def events(budget: RecordBudget) -> Iterator[tuple[str, Any]]:
    """Start and end of each element. Raises `SourceFailed` if the document declares entities."""
    parser = etree.XMLPullParser(events=("start", "end"), **_OPTIONS)
    checked = False
    while chunk := budget.read(CHUNK):
        parser.feed(chunk)
        for event, element in parser.read_events():
            if not checked:
                _refuse_entities(element)
                checked = True
            yield event, element
    parser.close()
    yield from parser.read_events()


def _refuse_entities(root: Any) -> None:
    dtd = root.getroottree().docinfo.internalDTD
    if dtd is not None and any(True for _ in dtd.iterentities()):
        raise SourceFailed("The XML declares entities of its own; such documents are not read.")


class _Walk:
    """Finds the record elements, and forgets everything else at once."""

    def __init__(self, form: XmlFormat, budget: RecordBudget) -> None:
        self._form = form
        self._budget = budget
        self.found = False

    def elements(self, stream: Iterator[tuple[str, Any]]) -> Iterator[Any]:
        names: list[str] = []
        record_depth = 0
        for event, element in stream:
            if event == "start":
                names.append(written_name(element))
                if not record_depth and self._is_record(names):
                    record_depth = len(names)
                continue
            if len(names) == record_depth:
                yield element
                record_depth = 0
            if not record_depth:
                forget(element)
                self._budget.reset()
            names.pop()

    def _is_record(self, names: list[str]) -> bool:
        top, wanted = self._form.top_element, self._form.document_element
        if top:
            inside = len(names) in (2, 3) and names[-2] == top
            self.found = self.found or (len(names) < 3 and names[-1] == top)
            return inside and names[-1] == wanted
        is_record = len(names) < 3 and names[-1] == wanted
        self.found = self.found or is_record
        return is_record


def forget(element: Any) -> None:
    element.clear()
    parent = element.getparent()
    if parent is not None:
        while element.getprevious() is not None:
            del parent[0]


def _record(element: Any, number: int) -> Parsed:
    try:
        return Parsed(number, value=checked_record(wrapped(element)))
    except Unusable as error:
        return Parsed(number, error=str(error))
