"""The stored document of a subject: the names in it, its id, and how principal sets are encoded.

    {"subject": …, "live": true, "entries": [
        {"entry_id": …, "visible_to": […], "principal_sets": ["<urn> <set name>", …],
         "content": {…}, "original": {…}}]}

`entry_id` is absent for the null entry, `original` is there only where the projection in `content`
differs from what came in. A tombstone is `{"subject", "live": false, "slot", "entries": []}`.

Each physical index also holds one cursor document, `{"live": false, "applied": n}`: the slot up to
which the log is in it (ingest protocol 7). It has no subject and no slot, so that neither searches
nor whatever looks for tombstones by slot can meet it.
"""

import hashlib
from binascii import b2a_base64

SUBJECT = "subject"
LIVE = "live"
SLOT = "slot"
APPLIED = "applied"
ENTRIES = "entries"
ENTRY_ID = "entry_id"
VISIBLE_TO = "visible_to"
PRINCIPAL_SETS = "principal_sets"
TEXT = "text"
CONTENT = "content"
ORIGINAL = "original"

# Full names inside the nested objects, for queries.
ENTRIES_VISIBLE_TO = f"{ENTRIES}.{VISIBLE_TO}"
ENTRIES_PRINCIPAL_SETS = f"{ENTRIES}.{PRINCIPAL_SETS}"
ENTRIES_TEXT = f"{ENTRIES}.{TEXT}"
ENTRIES_CONTENT = f"{ENTRIES}.{CONTENT}"

# Sub-fields of a string, which hold whole values.
KEYWORD = "keyword"  # of at most 10,000 characters, as doc values: facets, order, ranges, patterns
TERM = "term"  # of at most 256 characters, as terms: look-ups

CURSOR_ID = "cursor"  # shorter than any document id
META_KEY = "garner"  # in the mapping's `_meta`: `Schema.to_json()`


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def document_id(subject: str) -> str:
    """The `_id` of a subject: subjects may be longer than an id, and hold any character."""
    digest = hashlib.sha256(subject.encode("utf-8", "surrogatepass")).digest()
    return b2a_base64(digest).translate(_URL_SAFE, b"=\n").decode()


def principal_set_term(name: str, principal: str) -> str:
    """One (set name, URN) pair as one term. A URN has no space, so the first one separates."""
    return f"{principal} {name}"


def split_principal_set_term(term: str) -> tuple[str, str]:
    """`(set name, URN)` of a term."""
    principal, _, name = term.partition(" ")
    return name, principal


def read_alias(index_id: str) -> str:
    """The alias that searches use; it filters on `live: true`."""
    return f"garner-{index_id}"


def write_alias(index_id: str) -> str:
    return f"garner-{index_id}-write"


def physical_index(index_id: str, build: int) -> str:
    return f"garner-{index_id}-{build:06d}"
