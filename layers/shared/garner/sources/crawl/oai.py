"""OAI-PMH (controller contract 4.6): Identify, ListMetadataFormats, ListSets, then ListRecords for
each set and window of dates."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, BinaryIO

from lxml import etree

from garner.domain.harvest.source import OaiFormat, Source
from garner.errors import JsonObject, SourceFailed
from garner.limits import CRAWL_MAX_ATTEMPTS, MAX_EMPTY_PAGES, MAX_SETS
from garner.sources.crawl.plan import Advance, Fetch, unnumbered, with_query
from garner.sources.expand import stream_of
from garner.sources.fetch import Fetched, FetchFailed, FetchRequest
from garner.sources.readers.parsed import RecordBudget
from garner.sources.readers.text import looks_like_html
from garner.sources.readers.xml_reader import events, forget

_ERRORS = {
    "badArgument",
    "badResumptionToken",
    "badVerb",
    "cannotDisseminateFormat",
    "idDoesNotExist",
    "noMetadataFormats",
    "noRecordsMatch",
    "noSetHierarchy",
}
# How servers that don't know the protocol's own error say that a token is dead.
_DEAD_TOKEN_STATUS = {400, 404, 410, 422}


@dataclass(slots=True)
class OaiPage:
    """What a plan has to know of an answer."""

    errors: list[str] = field(default_factory=list)
    token: str = ""
    records: int = 0
    digest: str = ""
    sets: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    granularity: str = ""


@dataclass(frozen=True, slots=True)
class OaiHarvest:
    """State: `phase`; then `sets`, `windows`, and for the current pair (`unit`): `page`, `token`,
    `attempt`, `digest` of the previous page, `empty` pages in a row; `records` counts all.

    A resumption token that is dead starts its unit anew: what the unit has stored is void.
    """

    fetch: Fetch
    now: Callable[[], datetime]

    def advance(self, source: Source, state: JsonObject, _: int) -> Advance:
        form = source.format
        assert isinstance(form, OaiFormat)
        phase = state.setdefault("phase", "identify")
        if phase == "records":
            return self._records(source, form, state)
        if phase == "identify":
            seconds = self._asked(source, {"verb": "Identify"}).granularity.endswith("Z")
            state |= {"windows": windows(form, self.now().date(), seconds), "phase": "formats"}
        elif phase == "formats":
            self._check_prefix(source, form)
            state["phase"] = "sets"
            if form.sets:
                _begin_records(state, list(form.sets))
        else:
            self._sets(source, state)
        return Advance(done=False, wait_seconds=form.wait_seconds)

    def _check_prefix(self, source: Source, form: OaiFormat) -> None:
        page = self._asked(source, {"verb": "ListMetadataFormats"})
        if form.metadata_prefix not in page.prefixes:
            raise SourceFailed(
                f"The repository does not offer the metadataPrefix `{form.metadata_prefix}`."
            )

    def _sets(self, source: Source, state: JsonObject) -> None:
        token = state.pop("token", "")
        verb: dict[str, object] = {"verb": "ListSets"}
        page = self._asked(source, verb | ({"resumptionToken": token} if token else {}))
        found = state.setdefault("found", [])
        if "noSetHierarchy" not in page.errors:
            _refuse(page)
            found += [name for name in page.sets if name not in found]
        if page.token and page.token != token and len(found) <= MAX_SETS:
            state["token"] = page.token
        elif page.token:
            raise SourceFailed("The repository's list of sets does not end.")
        else:
            _begin_records(state, state.pop("found") or [""])

    def _records(self, source: Source, form: OaiFormat, state: JsonObject) -> Advance:
        token = state["token"]
        try:
            fetched = self._get(source, _list_records(form, state))
        except FetchFailed as error:
            if token and error.status in _DEAD_TOKEN_STATUS:
                return _restarted(state, form)
            raise
        try:
            page = read_page(fetched.body)
            if "badResumptionToken" in page.errors and token:
                fetched.body.close()
                return _restarted(state, form)
            if "noRecordsMatch" in page.errors:
                fetched.body.close()
                return Advance(_next_unit(state), wait_seconds=form.wait_seconds)
            _refuse(page)
            _check_progress(state, page)
        except BaseException:
            fetched.body.close()
            raise
        meta = unnumbered(state["unit"], state["attempt"], state["page"])
        state |= {
            "page": state["page"] + 1,
            "token": page.token,
            "digest": page.digest,
            "records": state["records"] + page.records,
        }
        done = not page.token and _next_unit(state)
        limit = source.record_limit
        done = done or (limit is not None and state["records"] >= limit)
        return Advance(done, meta, fetched.body, form.wait_seconds)

    def _asked(self, source: Source, parameters: dict[str, object]) -> OaiPage:
        with self._get(source, parameters).body as body:
            return read_page(body)

    def _get(self, source: Source, parameters: dict[str, object]) -> Fetched:
        url = with_query(source.url, parameters)
        return self.fetch.get(FetchRequest(url, source.allow_http, accept="text/xml"))


def _begin_records(state: JsonObject, sets: list[str]) -> None:
    state |= {"phase": "records", "sets": sets, "unit": -1, "records": 0}
    _next_unit(state)


def _next_unit(state: JsonObject) -> bool:
    """Goes to the next set or window; True if there is none."""
    state |= {"unit": state["unit"] + 1, "attempt": 0}
    state |= {"page": 0, "token": "", "digest": "", "empty": 0}
    return bool(state["unit"] >= len(state["sets"]) * len(state["windows"]))


def _restarted(state: JsonObject, form: OaiFormat) -> Advance:
    state["attempt"] += 1
    if state["attempt"] >= CRAWL_MAX_ATTEMPTS:
        raise SourceFailed(
            f"The repository gave up its resumption token {CRAWL_MAX_ATTEMPTS} times."
        )
    state |= {"page": 0, "token": "", "digest": "", "empty": 0}
    note = "The repository no longer knows its resumption token; the set is read from its start."
    return Advance(done=False, wait_seconds=form.wait_seconds, note=note)


def _check_progress(state: JsonObject, page: OaiPage) -> None:
    """Ends repositories whose tokens lead nowhere."""
    if page.token and page.token == state["token"]:
        raise SourceFailed("The repository repeats its resumption token.")
    if page.records and page.digest == state["digest"]:
        raise SourceFailed("The repository repeats the same records under a new resumption token.")
    state["empty"] = 0 if page.records else state["empty"] + 1
    if page.token and state["empty"] >= MAX_EMPTY_PAGES:
        raise SourceFailed("The repository sends resumption tokens without records.")


def _list_records(form: OaiFormat, state: JsonObject) -> dict[str, object]:
    if state["token"]:
        return {"verb": "ListRecords", "resumptionToken": state["token"]}
    which, window = divmod(state["unit"], len(state["windows"]))
    parameters: dict[str, object] = {"verb": "ListRecords", "metadataPrefix": form.metadata_prefix}
    begin, end = state["windows"][window]
    named = {"set": state["sets"][which], "from": begin, "until": end}
    return parameters | {name: value for name, value in named.items() if value}


def _refuse(page: OaiPage) -> None:
    if page.errors:
        known = [code for code in page.errors if code in _ERRORS]
        name = f"`{known[0]}`" if known else "that the protocol does not know"
        raise SourceFailed(f"The repository answers with an OAI-PMH error, {name}.")


def windows(form: OaiFormat, today: date, seconds: bool) -> list[tuple[str, str]]:
    """The (from, until) pairs of a harvest, in the repository's granularity."""
    begin, end = form.date_from, form.date_until
    if not (form.window_days and begin):
        return [(_moment(begin, seconds, "00:00:00"), _moment(end, seconds, "23:59:59"))]
    day, last = date.fromisoformat(begin[:10]), date.fromisoformat(end[:10]) if end else today
    pairs = []
    while day <= last:
        until = min(day + timedelta(days=form.window_days - 1), last)
        pairs.append(
            (
                _moment(day.isoformat(), seconds, "00:00:00"),
                _moment(until.isoformat(), seconds, "23:59:59"),
            )
        )
        day = until + timedelta(days=1)
    return pairs


def _moment(text: str, seconds: bool, time: str) -> str:
    if not seconds:
        return text[:10]
    return f"{text}T{time}Z" if len(text) == len("YYYY-MM-DD") else text


def read_page(body: BinaryIO) -> OaiPage:
    """Reads an answer through and leaves `body` at its start; memory does not grow with it."""
    body.seek(0)
    stream = stream_of(body.read)
    if looks_like_html(stream):
        raise SourceFailed("The repository answers with an HTML page: is the base URL right?")
    budget = RecordBudget(stream)
    page, digest, path = OaiPage(), hashlib.sha256(), list[str]()
    try:
        for event, element in events(budget):
            if event == "start":
                path.append(etree.QName(element).localname)
                if len(path) == 1 and path != ["OAI-PMH"]:
                    raise SourceFailed("The answer is not one of an OAI-PMH repository.")
                continue
            _noted(page, digest, path, element)
            forget(element)
            budget.reset()
            path.pop()
    except etree.XMLSyntaxError as error:
        raise SourceFailed(
            "The repository's answer is not well-formed XML, or is cut off.", retryable=True
        ) from error
    page.digest = digest.hexdigest()
    body.seek(0)
    return page


def _noted(page: OaiPage, digest: Any, path: list[str], element: Any) -> None:
    text = (element.text or "").strip()
    match path[1:]:
        case ["error"]:
            page.errors.append(element.get("code", ""))
        case [_, "resumptionToken"]:
            page.token = text
        case [_, "record"]:
            page.records += 1
        case [_, "record", "header", "identifier"]:
            digest.update(text.encode() + b"\0")
        case ["ListSets", "set", "setSpec"]:
            page.sets.append(text)
        case ["ListMetadataFormats", "metadataFormat", "metadataPrefix"]:
            page.prefixes.append(text)
        case ["Identify", "granularity"]:
            page.granularity = text
