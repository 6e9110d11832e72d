"""The controller's query parameters (controller contract 2.1 and 2.4).

Names are case-sensitive and five of them start with a dash. A name of the command line or of an
older page is taken where the canonical one is absent.
"""

import re
from collections.abc import Callable, Collection

from garner.api.parameters import Parameters as Query
from garner.domain.harvest.control import Refused
from garner.domain.harvest.requests import (
    AUTO_RUN_USER,
    SOURCE_TYPES,
    Parameters,
    RequestType,
)
from garner.limits import CRAWL_OFFSET_DAYS

_ALSO = {
    "userID": "-user",
    "-dupPerc": "-duplPerc",
    "jsonPath": "-jsonPath",
    "crawlOffset": "-crawlOffset",
    "indexName": "index_name",
    "index_name": "indexName",
}
_TRUE = frozenset(("", "true", "1", "yes", "on"))
_FALSE = frozenset(("false", "0", "no", "off"))
_PERCENT = re.compile(r"\d{1,3}(\.\d{1,12})?\Z|\.\d{1,12}\Z", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}\Z", re.ASCII)
_INDEX_NAME = re.compile(r'(?![_+-])[^\s,:"*+/\\|?#<>]+\Z')
_MAX_INDEX_NAME_BYTES = 255
_NO_NAMES = (".", "..")

PathProblem = Callable[[str], str | None]


def is_index_name(text: str) -> bool:
    """Legal as the name of an index (3.12, rule 1)."""
    return (
        _INDEX_NAME.match(text) is not None
        and text == text.lower()
        and text not in _NO_NAMES
        and len(text.encode()) <= _MAX_INDEX_NAME_BYTES
    )


class ControllerQuery:
    """Reads one request's query; every method raises `Refused` for what it can't take."""

    def __init__(self, query: Query) -> None:
        self._query = query

    @property
    def key(self) -> str | None:
        return self._query.text("api_key")

    @property
    def resource_id(self) -> str | None:
        return self._query.text("resourceID")

    def text(self, name: str) -> str | None:
        value = self._query.text(name)
        return self._query.text(_ALSO[name]) if value is None and name in _ALSO else value

    def user_id(self, known: Collection[int]) -> int:
        """A known user; attribution only (3.2)."""
        text = self.text("userID")
        if text is None:
            return AUTO_RUN_USER
        if not _WHOLE.match(text) or int(text) not in {AUTO_RUN_USER, *known}:
            raise Refused.value("userID")
        return int(text)

    def workflow(self, kind: RequestType, path_problem: PathProblem) -> Parameters:
        """The parameters that `kind` takes; all others are ignored."""
        crawls, indexes = kind.crawls, kind in (RequestType.UPDATE, RequestType.INDEX)
        name = "index_name" if kind is RequestType.REPROCESS else "indexName"
        return Parameters(
            index_name=self._index_name(name) if kind.publishes else "",
            json_path=self._json_path(path_problem) if indexes else "",
            crawl_offset=self._crawl_offset() if indexes else None,
            dup_perc=self._percent("-dupPerc") if crawls else None,
            err_perc=self._percent("-errPerc") if crawls else None,
            force=self._flag("-f") if crawls else False,
            skip_check=self._flag("-skipCheck") if crawls else False,
            source_type=self._source_type() if crawls or indexes else "rin",
        )

    def _index_name(self, name: str) -> str:
        text = self.text(name)
        if not text or not text.strip():
            raise Refused.because(f"Specify {name}")
        if not is_index_name(text):
            raise Refused.value(name)
        return text

    def _json_path(self, path_problem: PathProblem) -> str:
        text = self.text("jsonPath")
        if text is None:
            return ""
        if not text.strip() or path_problem(text):
            raise Refused.value("jsonPath")
        return text

    def _crawl_offset(self) -> int | None:
        text = self.text("crawlOffset")
        if text is None:
            return None
        first, last = CRAWL_OFFSET_DAYS
        if not _WHOLE.match(text) or not first <= int(text) <= last:
            raise Refused.value("crawlOffset")
        return int(text)

    def _percent(self, name: str) -> str | None:
        text = self.text(name)
        if text is None:
            return None
        if not _PERCENT.match(text) or float(text) > 100:
            raise Refused.value(name)
        return text

    def _flag(self, name: str) -> bool:
        value = (self.text(name) or "").lower() if self.text(name) is not None else "false"
        if value not in _TRUE and value not in _FALSE:
            raise Refused.value(name)
        return value in _TRUE

    def _source_type(self) -> str:
        value = self.text("-sourceType")
        if value is None:
            return "rin"
        if value not in SOURCE_TYPES:
            raise Refused.value("-sourceType")
        return value
