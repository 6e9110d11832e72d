"""The items that transactions over sources, requests and runs have in common."""

from dataclasses import replace

import orjson

from garner.domain.harvest.control import RegisteredSource
from garner.domain.harvest.requests import ProcessRequest
from garner.domain.harvest.run import Phase, Run
from garner.errors import JsonObject
from garner.storage.dynamodb.table import SINGLE, Item, Put

SOURCES = "X#S"
REQUEST = "X#R#"
REQUESTS_OF = "X#L#"
RUN = "RUN"
DUE_KIND = "harvest"
EXPIRY_KIND = "harvest_expiry"


def document_of(item: Item) -> JsonObject:
    document: JsonObject = orjson.loads(item["doc"])
    return document


def source_put(source: RegisteredSource, expected: int) -> Put:
    """Writes the source with the revision after `expected`, if that is the stored one."""
    stored = replace(source, revision=expected + 1)
    item = {
        "pk": SOURCES,
        "sk": source.source_id,
        "revision": stored.revision,
        "doc": orjson.dumps(stored.to_json()).decode(),
    }
    return Put(item, "revision = :expected", {"expected": expected})


def request_items(request: ProcessRequest) -> list[Item]:
    """The request, and its place in the list of its source."""
    place = f"{int(request.created_at * 1_000):015d}#{request.request_id}"
    return [
        {
            "pk": REQUEST + request.request_id,
            "sk": SINGLE,
            "doc": orjson.dumps(request.to_json()).decode(),
        },
        {
            "pk": REQUESTS_OF + request.source_id,
            "sk": place,
            "request_id": request.request_id,
            "type": request.type.value,
        },
    ]


def new_run_item(run: Run) -> Item:
    document = run.to_json()
    item: Item = {
        "pk": REQUEST + run.run_id,
        "sk": RUN,
        "fence": document.pop("fence"),
        "lease_until": document.pop("lease_until"),
        "phase": run.phase.value,
        "doc": orjson.dumps(document).decode(),
    }
    if run.phase is not Phase.DONE:
        item |= {"due_kind": DUE_KIND, "due_at": run.due_at}
    return item
