"""A registered source, checked and typed: what connectors, transform and publishing work from.

`garner.contracts.source` builds it from a descriptor in any of its spellings (controller contract
4.2 to 4.9); nothing in here is a string that still has to be understood.
"""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from garner.errors import JsonObject

TransformLanguage = Literal["jsonata", "identity", "jsonpath-map"]
EntryIdRule = Literal["resource", "null"]

MASK = "***"
_URL_FIELDS = ("ingestURL", "mergeIngestURLTemplate")
_SECRET_WORDS = ("key", "token", "secret", "password", "passwd", "pwd", "auth", "sig", "credential")


@dataclass(frozen=True, slots=True)
class CsvFormat:
    """Controller contract 4.3. `header_line` is 1-based; `escape` is honoured before a quote."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    ignore_lines: int = 1
    header_line: int = 1
    encoding: str = ""  # empty: told by the byte-order mark, else UTF-8


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """Records are the objects at `document_element`, at any depth; empty: those of a root array."""

    document_element: str = ""
    normalize: bool = False


@dataclass(frozen=True, slots=True)
class XmlFormat:
    """Records are `document_element` directly below `top_element`; names as the document writes
    them, prefix included. Without `top_element` the root or its children are the records."""

    document_element: str
    top_element: str = ""


@dataclass(frozen=True, slots=True)
class NdjsonFormat:
    """One JSON object on each line."""


@dataclass(frozen=True, slots=True)
class OaiFormat:
    """Controller contract 4.6. Dates are `YYYY-MM-DD` or `YYYY-MM-DDThh:mm:ssZ`, empty: open."""

    metadata_prefix: str = "oai_dc"
    sets: tuple[str, ...] = ()
    wait_seconds: float = 1.0
    date_from: str = ""
    date_until: str = ""
    window_days: int = 0  # 0: one window


Format = CsvFormat | JsonFormat | XmlFormat | NdjsonFormat | OaiFormat


@dataclass(frozen=True, slots=True)
class Paging:
    """Controller contract 4.4 and 4.5: WEB sends the offset on the first page too, XML doesn't."""

    offset_param: str
    limit_param: str = ""
    limit: int = 100
    offset_on_first_page: bool = True


@dataclass(frozen=True, slots=True)
class DetailCalls:
    """One more request for each record of a list (controller contract 4.4, Q9): the first match of
    the key `take` in the detail is put into the list record at the key `put`."""

    url_template: str
    id_path: str
    take: str
    put: str
    wait_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Keeps a record whose first match of `path` equals `value`, or, as `regex`, contains a match
    of it. `path` is a JSONPath for JSON and an element path for XML."""

    path: str
    value: str
    regex: bool = False


@dataclass(frozen=True, slots=True)
class Transform:
    language: TransformLanguage = "jsonata"
    script: str = ""


@dataclass(frozen=True, slots=True)
class QcRule:
    """Controller contract 5.4. Without `value` and `value_regex` the path only has to exist."""

    path: str
    value: str | None = None
    value_regex: str | None = None
    cond_path: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    source_id: str
    name: str
    scr_id: str
    url: str
    format: Format
    primary_key: tuple[str, ...]
    transform: Transform
    visible_to: tuple[str, ...]
    allow_http: bool = False
    filename_pattern: str = ""
    paging: Paging | None = None
    details: DetailCalls | None = None
    record_filter: RecordFilter | None = None
    qc_rules: tuple[QcRule, ...] = ()
    sample_size: int | None = None  # set: a sample crawl, which changes nothing that is stored
    max_records: int | None = None
    document_id_path: str = ""
    entry_id: EntryIdRule = "resource"
    removes: bool = False
    allow_empty: bool = False
    schedule_hours: int | None = None
    field_quota: int = 0

    @property
    def record_limit(self) -> int | None:
        """The most readable records that a crawl takes, over all its files; None: all."""
        limits = [limit for limit in (self.sample_size, self.max_records) if limit is not None]
        return min(limits, default=None)

    @property
    def is_directory(self) -> bool:
        """The URL names a folder: its listing says which files there are."""
        return self.url.partition("?")[0].endswith("/") and bool(self.filename_pattern)


def place_of(url: str) -> str:
    """A URL as messages and logs may have it: no credentials, no query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def masked_url(url: str) -> str:
    """A URL as a curator sees it again, without its user and query values named like secrets."""
    parts = urlsplit(url)
    _, at, host = parts.netloc.rpartition("@")
    query = parts.query
    pairs = parse_qsl(query, keep_blank_values=True)
    if any(_is_secret(name) for name, _ in pairs):
        query = urlencode([(n, MASK if _is_secret(n) else v) for n, v in pairs], safe="*${}")
    netloc = f"{MASK}@{host}" if at else host
    return urlunsplit((parts.scheme, netloc, parts.path, query, parts.fragment))


def masked_descriptor(descriptor: JsonObject) -> JsonObject:
    """A descriptor without the credentials of its URLs."""
    return {
        name: masked_url(value) if name in _URL_FIELDS else value
        for name, value in descriptor.items()
    }


def unmasked_url(sent: str, stored: str) -> str:
    """What a change of the descriptor means: a URL sent back as it was shown is the stored one."""
    return stored if sent == masked_url(stored) else sent


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET_WORDS)
