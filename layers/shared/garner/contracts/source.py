"""The source descriptor: every spelling a curator may use, and what it means.

Controller contract 4.2 to 4.10. A descriptor is JSON or YAML, flat or below one top-level key (the
source's name); values are strings, as in the original, or native. Fields of other tools that mean
nothing here are ignored.
"""

import codecs
import html
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlsplit

import orjson
import yaml
from pydantic import BeforeValidator, Field, field_validator

from garner.contracts.base import Document
from garner.domain.harvest.paths import element_steps, plain_steps, with_root
from garner.domain.harvest.source import (
    CsvFormat,
    DetailCalls,
    EntryIdRule,
    Format,
    JsonFormat,
    NdjsonFormat,
    OaiFormat,
    Paging,
    QcRule,
    RecordFilter,
    Source,
    Transform,
    XmlFormat,
)
from garner.domain.principals import is_visibility_principal
from garner.errors import BadRequest, JsonObject, ValidationFailed
from garner.limits import (
    DEFAULT_FIELD_QUOTA,
    MAX_DESCRIPTOR_BYTES,
    MAX_FIELDS,
    MAX_QC_RULES,
    MAX_VISIBLE_TO,
)

_SPELLINGS = {
    "resourceID": "sourceID",
    "escapeChar": "escapeCharacter",
    "cacheMode": "useCache",
    "mergeDocName": "mergeDocElName",
    "fileNamePattern": "filenamePattern",
    "preprocessingScript": "preprocessScript",
    "visibleTo": "visible_to",
    "qcRulesYamlFile": "qcRules",
}

_ELSEWHERE = {
    "FTP": "copy the files into a bucket on a schedule and use WEB, CSV or XML with its s3:// URL",
    "DISCO": "export the table to CSV or JSON lines and use CSV or NDJSON",
    "SQL": "export the query to CSV or JSON lines and use CSV or NDJSON",
    "SCRIPT": "produce the file outside and point ingestURL at it",
}
_METHODS = ("CSV", "WEB", "XML", "OAI", "NDJSON")

_RULE_TYPES = ("ValueExists", "CondValueExists")
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
_APPLY = re.compile(r"\bapply\s*\{\{")
_SOURCE_ID = re.compile(r"[A-Za-z0-9_.:-]{1,200}\Z")
_FREQUENCY = re.compile(r"(\d{1,4})\s*(h|hours?|d|days?|w|weeks?)?\Z", re.IGNORECASE)
_NAMED_FREQUENCY = {"hourly": 1, "daily": 24, "weekly": 168, "monthly": 720}
_OAI_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?\Z")
_PLACEHOLDER = "${id}"
_MAX_BRACKETS = 100


def _text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float | date | datetime) else value


def _flag(value: object) -> object:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if isinstance(value, str):
        return words.get(value.strip().lower(), False if not value.strip() else value)
    return value


def _blank_is_absent(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _character(value: object) -> object:
    """A character, an HTML entity (`&#034;`) or an escape (`\\t`)."""
    if isinstance(value, str):
        return html.unescape(value).replace("\\t", "\t")
    return value


def _list(value: object) -> object:
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _paths(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _json_text(value: object) -> object:
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value


def _frequency(value: object) -> object:
    """Hours: `48`, `48h`, `2 days`, `weekly`."""
    text = str(value).strip().lower() if value is not None else ""
    if not text:
        return None
    if text in _NAMED_FREQUENCY:
        return _NAMED_FREQUENCY[text]
    match = _FREQUENCY.match(text)
    if not match:
        raise ValueError("Give hours or days, such as 48h, 2d, daily or weekly.")
    return int(match[1]) * {"d": 24, "w": 168}.get((match[2] or "h")[0], 1)


def _entry_id(value: object) -> object:
    named = {"null": "null", "none": "null", "resource": "resource", "resourceid": "resource"}
    return "null" if value is None else named.get(str(value).strip().lower(), value)


Text = Annotated[str, BeforeValidator(_text)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Count = Annotated[int, Field(ge=1)]
OptionalCount = Annotated[Count | None, BeforeValidator(_blank_is_absent)]
Character = Annotated[str, BeforeValidator(_character), Field(max_length=1)]
Names = Annotated[list[str], BeforeValidator(_list)]


class SourceDescriptor(Document):
    """A descriptor as it is stored and shown: canonical spellings, native values.

    What is sent may have any value as a string, the other spellings of contract 4.9, lists as
    `a, b`, and all of it below one key, the source's name."""

    source_id: Text = Field(alias="sourceID")
    name: Text = Field(min_length=1, max_length=500)
    scr_id: Text = Field("", alias="scrID")
    ingest_method: Text = Field(alias="ingestMethod")
    ingest_url: Text = Field("", alias="ingestURL")
    allow_http: Flag = Field(False, alias="allowHttp")
    primary_key: Annotated[list[Text], BeforeValidator(_paths)] = Field(
        alias="primaryKeyJSONPath", min_length=1, max_length=20
    )
    transform_script: Annotated[Text, BeforeValidator(_json_text)] = Field(
        "", alias="transformScript"
    )
    transform_language: Literal["jsonata", "identity", "jsonpath-map"] = Field(
        "jsonata", alias="transformLanguage"
    )
    visible_to: Names = Field(min_length=1, max_length=MAX_VISIBLE_TO)
    document_id_path: Text = Field("", alias="documentIdJsonPath")
    entry_id: Annotated[EntryIdRule, BeforeValidator(_entry_id)] = Field(
        "resource", alias="entryID"
    )
    remove_missing: Flag = Field(False, alias="removeMissing")
    allow_empty: Flag = Field(False, alias="allowEmpty")
    schedule_hours: Annotated[Count | None, BeforeValidator(_frequency)] = Field(
        None, alias="scheduleFreq", le=24 * 366
    )
    field_quota: int = Field(DEFAULT_FIELD_QUOTA, alias="fieldQuota", ge=1, le=MAX_FIELDS)
    qc_rules: list[dict[str, str]] = Field(default_factory=list, alias="qcRules")
    description: Text = ""
    data_model: Text = Field("", alias="dataModel")
    enhancer_parameters: dict[str, Flag] = Field(default_factory=dict, alias="enhancerParameters")
    sample_mode: Flag = Field(False, alias="sampleMode")
    sample_size: Count = Field(1, alias="sampleSize")
    max_docs: OptionalCount = Field(None, alias="maxDocs")
    preprocess_script: Text = Field("", alias="preprocessScript")

    filename_pattern: Text = Field("", alias="filenamePattern")
    delimiter: Character = ","
    text_quote: Character = Field('"', alias="textQuote")
    escape_character: Character = Field("", alias="escapeCharacter")
    header_line: Count = Field(1, alias="headerLine")
    ignore_lines: Annotated[int | None, BeforeValidator(_blank_is_absent)] = Field(
        None, alias="ignoreLines", ge=0
    )
    encoding: Text = ""

    parser_type: Literal["xml", "json", "ndjson"] = Field("xml", alias="parserType")
    document_element: Text = Field("", alias="documentElement")
    top_element: Text = Field("", alias="topElement")
    normalize: Flag = False
    filter_json_path: Text = Field("", alias="filterJsonPath")
    filter_xml_path: Text = Field("", alias="filterXMLPath")
    filter_value: Text = Field("", alias="filterValue")
    offset_param: Text = Field("", alias="offsetParam")
    limit_param: Text = Field("", alias="limitParam")
    limit_value: Count = Field(100, alias="limitValue", le=100_000)
    merge_url: Text = Field("", alias="mergeIngestURLTemplate")
    id_path: Text = Field("", alias="idJsonPath")
    merge_field: Text = Field("", alias="mergeFieldName")
    merge_element: Text = Field("", alias="mergeDocElName")
    merge_semantics: Literal["docs", "code"] = Field("docs", alias="mergeSemantics")
    wait_time: Annotated[int | None, BeforeValidator(_blank_is_absent)] = Field(
        None, alias="waitTime", ge=0, le=60_000
    )

    metadata_prefix: Text = Field("oai_dc", alias="metadataPrefix", min_length=1)
    allowed_sets: Names = Field(default_factory=list, alias="allowedSetSpecs")
    sleep_seconds: float = Field(1.0, alias="sleepTimeSecs", ge=0, le=600)
    date_from: Text = Field("", alias="dateFrom")
    date_until: Text = Field("", alias="dateUntil")
    window_days: int = Field(0, alias="windowDays", ge=0, le=36_600)

    @field_validator("source_id")
    @classmethod
    def _check_id(cls, value: str) -> str:
        if not _SOURCE_ID.match(value) or value == "system_state" or set(value) == {"."}:
            raise ValueError(
                "Use 1 to 200 letters, digits and _ . : -, as in SCR_013869-Cellosaurus-RIN;"
                " system_state is reserved."
            )
        return value

    @field_validator("ingest_method")
    @classmethod
    def _check_method(cls, value: str) -> str:
        method = value.strip().upper().replace("OAI-PMH", "OAI")
        if method in _METHODS:
            return method
        if method in _ELSEWHERE:
            raise ValueError(f"{method} is not supported: {_ELSEWHERE[method]}.")
        raise ValueError(f"Must be one of: {', '.join(_METHODS)}.")

    @field_validator("ingest_url", "merge_url")
    @classmethod
    def _quoted(cls, value: str) -> str:
        """Letters beyond ASCII as a URL has them; the rest is left as it stands."""
        return quote(value.strip(), safe=_PRINTABLE)

    @field_validator("visible_to")
    @classmethod
    def _check_principals(cls, values: list[str]) -> list[str]:
        for value in values:
            if not is_visibility_principal(value):
                raise ValueError(f"{value!r} is neither a principal URN nor a special principal.")
        return [value.lower() for value in values]

    @field_validator("preprocess_script")
    @classmethod
    def _refuse_script(cls, value: str) -> str:
        if value.strip():
            raise ValueError(
                "Scripts are not run: produce the file outside and point ingestURL at it."
            )
        return ""

    @field_validator("transform_script")
    @classmethod
    def _refuse_python(cls, value: str) -> str:
        if _APPLY.search(value):
            raise ValueError("Python in `apply {{ … }}` is not run: rewrite the script in JSONata.")
        return value

    @field_validator("qc_rules", mode="before")
    @classmethod
    def _read_rules(cls, value: object) -> object:
        return _rules(value)

    @field_validator("date_from", "date_until")
    @classmethod
    def _check_date(cls, value: str) -> str:
        if value and not _OAI_DATE.match(value):
            raise ValueError("Use YYYY-MM-DD or YYYY-MM-DDThh:mm:ssZ.")
        if value:
            date.fromisoformat(value[:10])
        return value

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, value: str) -> str:
        try:
            known = not value or codecs.lookup(value)._is_text_encoding
        except LookupError:
            known = False
        if not known:
            raise ValueError("Not a text encoding, such as latin-1 or utf-16.")
        return value

    def to_json(self) -> JsonObject:
        """Canonical and complete enough to be parsed again; defaults are left out."""
        return self.model_dump(by_alias=True, exclude_defaults=True)

    def to_source(self) -> Source:
        """What the descriptor means; raises `ValidationFailed` with a message per field."""
        problems = _Problems()
        source = _source(self, problems)
        problems.raise_if_any()
        return source


class _Problems:
    def __init__(self) -> None:
        self._messages: dict[str, list[str]] = {}

    def add(self, field: str, message: str) -> None:
        self._messages.setdefault(field, []).append(message)

    def need(self, condition: object, field: str, message: str) -> None:
        if not condition:
            self.add(field, message)

    def check(self, field: str, build: Callable[[], object]) -> None:
        try:
            build()
        except ValueError as error:
            self.add(field, f"{str(error)[:1].upper()}{str(error)[1:]}.")

    def raise_if_any(self) -> None:
        if self._messages:
            raise ValidationFailed({"json": self._messages})


def read_descriptor(body: bytes | str) -> JsonObject:
    """A descriptor's text, JSON or YAML, as an object; raises `BadRequest`. YAML scalars stay
    strings and aliases are refused, so that neither `NO` nor a bomb means anything."""
    data = body.encode() if isinstance(body, str) else body
    if len(data) > MAX_DESCRIPTOR_BYTES:
        raise BadRequest(f"The descriptor has more than {MAX_DESCRIPTOR_BYTES:,} bytes.")
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        document = _yaml(data)
    if not isinstance(document, dict):
        raise BadRequest("The descriptor is not an object of fields.")
    return document


def parse_descriptor(document: JsonObject) -> SourceDescriptor:
    """Raises `ValidationFailed` with a message per field, that of `to_source` included."""
    flat = dict(document)
    if len(flat) == 1 and isinstance(inner := next(iter(flat.values())), dict):
        flat = dict(inner)
    for other, canonical in _SPELLINGS.items():
        if other in flat:
            value = flat.pop(other)
            flat.setdefault(canonical, value)
    descriptor = SourceDescriptor.from_json(flat)
    descriptor.to_source()
    return descriptor


class _PlainYaml(yaml.BaseLoader):
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not supported")
        return super().compose_node(parent, index)


def _yaml(data: bytes | str) -> object:
    text = data.decode(errors="replace") if isinstance(data, bytes) else data
    try:
        _check_nesting(text)
        return yaml.load(data, Loader=_PlainYaml)  # noqa: S506 - makes strings, lists and dicts
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError):
        raise BadRequest("The descriptor is neither JSON nor YAML (without aliases).") from None


def _check_nesting(text: str) -> None:
    """Open brackets cost the scanner their square: 50,000 of them took 9 s (2026-11)."""
    depth = 0
    for character in text:
        if character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        if depth > _MAX_BRACKETS:
            raise ValueError("nested too deeply")


def _rules(value: object) -> object:
    """QC rules as a list, from YAML text or from `{rule type: [{path: …}, …]}`."""
    if isinstance(value, str) and value.strip():
        try:
            value = _yaml(value)
        except BadRequest:
            raise ValueError("Not YAML.") from None
        if not isinstance(value, dict):
            raise ValueError("Give the rules themselves; a file name leads nowhere.")
    if isinstance(value, str):
        return []
    if not isinstance(value, Mapping):
        return value
    for kind in value:
        if kind not in _RULE_TYPES:
            raise ValueError(f"{kind!r} is not a rule type ({', '.join(_RULE_TYPES)}).")
    return [
        _checked_rule(str(kind), rule)
        for kind, given in value.items()
        for rule in (given if isinstance(given, list) else [given])
    ]


def _checked_rule(kind: str, rule: object) -> dict[str, str]:
    if not isinstance(rule, Mapping) or not rule.get("path"):
        raise ValueError(f"A rule of {kind} has no path.")
    if kind == "CondValueExists" and not rule.get("condPath"):
        raise ValueError("A rule of CondValueExists has no condPath.")
    return {str(name): str(_text(each)) for name, each in rule.items()}


# --- from the descriptor to the source -----------------------------------------------------------


def _source(given: SourceDescriptor, problems: _Problems) -> Source:
    _check_url(given, problems)
    if given.transform_language == "identity":
        problems.need(
            not given.transform_script.strip(), "transformScript", "identity takes no script."
        )
    else:
        problems.need(
            given.transform_script.strip(), "transformScript", "Missing data for required field."
        )
    problems.need(len(given.qc_rules) <= MAX_QC_RULES, "qcRules", f"At most {MAX_QC_RULES} rules.")
    return Source(
        source_id=given.source_id,
        name=given.name,
        scr_id=given.scr_id,
        url=given.ingest_url,
        allow_http=given.allow_http,
        format=_format(given, problems),
        primary_key=tuple(map(with_root, given.primary_key)),
        transform=Transform(given.transform_language, given.transform_script),
        visible_to=tuple(given.visible_to),
        filename_pattern=given.filename_pattern,
        paging=_paging(given, problems),
        details=_details(given, problems),
        record_filter=_filter(given, problems),
        qc_rules=tuple(map(_rule, given.qc_rules)),
        sample_size=given.sample_size if given.sample_mode else None,
        max_records=given.max_docs,
        document_id_path=given.document_id_path,
        entry_id=given.entry_id,
        removes=given.remove_missing,
        allow_empty=given.allow_empty,
        schedule_hours=given.schedule_hours,
        field_quota=given.field_quota,
    )


def _check_url(given: SourceDescriptor, problems: _Problems) -> None:
    for field, url in (
        ("ingestURL", given.ingest_url),
        ("mergeIngestURLTemplate", given.merge_url),
    ):
        if not url and field != "ingestURL":
            continue
        problem = _url_problem(url, given.allow_http, buckets=field == "ingestURL")
        problems.need(not problem, field, problem)
    if given.ingest_url.startswith("s3:"):
        simple = given.ingest_method != "OAI" and not (given.offset_param or given.merge_url)
        problems.need(simple, "ingestURL", "A bucket has no pages, details or OAI-PMH.")


def _url_problem(url: str, allow_http: bool, *, buckets: bool) -> str:
    if not url:
        return "Missing data for required field."
    try:
        parts = urlsplit(url.replace(_PLACEHOLDER, "id"))
        has_host = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        has_host = False
    if not has_host:
        return "Not the URL of something on a host."
    if parts.scheme == "http" and not allow_http:
        return "Use https, or say allowHttp: true."
    if parts.scheme not in ("https", "http", *(["s3"] if buckets else [])):
        return "Only https (with allowHttp also http) and s3 addresses are read."
    return "The path may not contain `..`." if ".." in parts.path.split("/") else ""


def _format(given: SourceDescriptor, problems: _Problems) -> Format:
    method = given.ingest_method
    if method == "WEB":
        method = given.parser_type.upper()
    if method == "CSV":
        return _csv(given, problems)
    if method == "JSON":
        return JsonFormat(given.document_element, given.normalize)
    if method == "NDJSON":
        return NdjsonFormat()
    if method == "OAI":
        return OaiFormat(
            given.metadata_prefix,
            tuple(given.allowed_sets),
            given.sleep_seconds,
            given.date_from,
            given.date_until,
            given.window_days,
        )
    required = "Missing data for required field."
    problems.need(given.document_element, "documentElement", required)
    if given.ingest_method == "XML":
        problems.need(given.top_element, "topElement", required)
    return XmlFormat(given.document_element, given.top_element)


def _csv(given: SourceDescriptor, problems: _Problems) -> CsvFormat:
    legal = len(given.delimiter) == 1 and given.delimiter not in '\r\n"' + given.text_quote
    problems.need(legal, "delimiter", "One character that is neither a quote nor a line break.")
    ignored = given.header_line if given.ignore_lines is None else given.ignore_lines
    return CsvFormat(
        given.delimiter,
        given.text_quote,
        given.escape_character,
        ignored,
        given.header_line,
        given.encoding,
    )


def _paging(given: SourceDescriptor, problems: _Problems) -> Paging | None:
    if given.ingest_method not in ("WEB", "XML"):
        return None
    is_web = given.ingest_method == "WEB"
    if given.limit_param or not is_web:
        both = bool(given.limit_param) == bool(given.offset_param)
        missing = "limitParam" if given.offset_param else "offsetParam"
        problems.need(both, missing, "Pages need offsetParam and limitParam together.")
    if not given.offset_param:
        return None
    return Paging(given.offset_param, given.limit_param, given.limit_value, is_web)


def _details(given: SourceDescriptor, problems: _Problems) -> DetailCalls | None:
    url = given.merge_url
    if not url:
        return None
    field = "mergeIngestURLTemplate"
    problems.need(given.ingest_method == "WEB", field, "Only WEB sources have detail calls.")
    problems.need(url.count(_PLACEHOLDER) == 1, field, f"Needs exactly one {_PLACEHOLDER}.")
    before = url.partition(_PLACEHOLDER)[0]
    in_its_place = before.partition("://")[2].count("/") and "#" not in before
    problems.need(in_its_place, field, f"{_PLACEHOLDER} may fill a part of path or query only.")
    problems.need(
        given.id_path and plain_steps(given.id_path) is not None,
        "idJsonPath",
        "Required with a template: a path without wildcards, such as $.id.",
    )
    for name, value in (
        ("mergeFieldName", given.merge_field),
        ("mergeDocElName", given.merge_element),
    ):
        problems.need(value, name, f"Required with {field}.")
    take, put = given.merge_field, given.merge_element
    if given.merge_semantics == "code":
        take, put = put, take
    return DetailCalls(url, with_root(given.id_path), take, put, (given.wait_time or 0) / 1_000)


def _filter(given: SourceDescriptor, problems: _Problems) -> RecordFilter | None:
    is_xml = isinstance(_format(given, _Problems()), XmlFormat | OaiFormat)
    path, field, other = given.filter_json_path, "filterJsonPath", given.filter_xml_path
    if is_xml:
        path, field, other = given.filter_xml_path, "filterXMLPath", given.filter_json_path
    problems.need(not other, field, "The other filter path belongs to another format.")
    if not path:
        problems.need(not given.filter_value, field, "Missing data for required field.")
        return None
    problems.need(given.filter_value, "filterValue", "Missing data for required field.")
    if is_xml:
        problems.check(field, lambda: element_steps(path))
    value = given.filter_value
    return RecordFilter(path, value.removeprefix("re::"), value.startswith("re::"))


def _rule(rule: Mapping[str, str]) -> QcRule:
    return QcRule(rule["path"], rule.get("value"), rule.get("valueRegex"), rule.get("condPath"))


def problems_of(pairs: Sequence[tuple[str, str]]) -> ValidationFailed:
    """(field, message) pairs as the error that a bad descriptor gets."""
    messages: dict[str, list[str]] = {}
    for field, message in pairs:
        messages.setdefault(field, []).append(message)
    return ValidationFailed({"json": messages})
