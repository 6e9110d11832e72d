# /// script
# requires-python = ">=3.11"
# dependencies = ["bioregistry==0.15.6"]
# ///
"""Makes bioregistry.ndjson.gz of the Bioregistry's data. Run once for each new edition:

    .local/tools/uv/bin/uv run local/sample/make.py

What the Bioregistry curates itself goes first; what it lacks comes from the registries it has
gathered, in the order of ADOPTED. E-mail addresses of people stay out.
"""

import gzip
import json
from collections.abc import Iterator
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("bioregistry.ndjson.gz")
ADOPTED = (
    "obofoundry",
    "ols",
    "miriam",
    "bioportal",
    "fairsharing",
    "prefixcommons",
    "re3data",
    "bartoc",
    "lov",
    "n2t",
    "edam",
    "biolink",
    "uniprot",
    "cellosaurus",
    "ncbi",
    "go",
    "wikidata",
)


def main() -> None:
    registry = json.loads(files("bioregistry.data").joinpath("bioregistry.json").read_text())
    lines = [
        json.dumps(entry(prefix, record), ensure_ascii=False, sort_keys=True) + "\n"
        for prefix, record in sorted(registry.items())
    ]
    with TARGET.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        packed.write("".join(lines).encode())
    print(f"{len(lines)} entries of Bioregistry {version('bioregistry')} in {TARGET}")


def entry(prefix: str, record: dict[str, Any]) -> dict[str, Any]:
    """One GMetaEntry, visible to everybody."""
    content = {
        "prefix": prefix,
        "title": text(record, "name") or prefix,
        "description": text(record, "description"),
        "homepage": text(record, "homepage"),
        "repository": text(record, "repository"),
        "license": text(record, "license"),
        "domain": text(record, "domain"),
        "keywords": keywords(record),
        "synonyms": sorted(record.get("synonyms", [])),
        "contact": contact(first(record, "contact")),
        "publications": publications(record),
        "example": text(record, "example"),
        "pattern": text(record, "pattern"),
        "uri_format": text(record, "uri_format"),
        "deprecated": bool(first(record, "deprecated")),
        "listed_in": sorted(record.get("mappings", {})),
    }
    return {
        "subject": f"https://bioregistry.io/{prefix}",
        "visible_to": ["public"],
        "content": {name: value for name, value in content.items() if value not in (None, [], {})},
    }


def sources(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield record
    yield from (record[name] for name in ADOPTED if name in record)


def first(record: dict[str, Any], field: str) -> Any:
    return next((each[field] for each in sources(record) if each.get(field)), None)


def text(record: dict[str, Any], field: str) -> str | None:
    """As `first`; some registries have an object where others have its name."""
    found = (each[field] for each in sources(record) if each.get(field))
    return next((value for value in found if isinstance(value, str)), None)


def keywords(record: dict[str, Any]) -> list[str]:
    found = (word for each in sources(record) for word in each.get("keywords") or [])
    return sorted({word.strip().lower() for word in found})


def contact(person: dict[str, Any] | None) -> dict[str, str]:
    return {name: person[name] for name in ("name", "orcid") if person and person.get(name)}


def publications(record: dict[str, Any]) -> list[dict[str, Any]]:
    fields = ("title", "doi", "pubmed", "year")
    found = first(record, "publications") or []
    return [{name: each[name] for name in fields if each.get(name)} for each in found]


if __name__ == "__main__":
    main()
