"""A curator at the running stack: registers sources, starts updates, waits, looks what came of it.

Everything goes over the public API; `engine_documents`, `log_head` and `run_item` look behind it.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import orjson
import urllib3

from garner.domain.harvest.run import Phase
from tests.contract.source_server import SourceServer
from tests.stack import RunningStack

SECONDS = 240
LOOK_SECONDS = 0.1
TRANSFORM = '{"name": name, "weight": $number(weight)}'
XML_TRANSFORM = '{"name": stone.name.`_$`, "weight": $number(stone.weight.`_$`)}'
OAI_TRANSFORM = 'record.metadata.stone.{"name": name.`_$`, "weight": $number(weight.`_$`)}'
DESCRIPTORS: Mapping[str, dict[str, Any]] = {
    "csv": {
        "ingestMethod": "CSV",
        "primaryKeyJSONPath": "$.id",
        "transformScript": TRANSFORM,
    },
    "json": {
        "ingestMethod": "WEB",
        "parserType": "json",
        "documentElement": "records",
        "offsetParam": "offset",
        "limitParam": "limit",
        "limitValue": "50",
        "primaryKeyJSONPath": "$.id",
        "transformScript": TRANSFORM,
    },
    "xml": {
        "ingestMethod": "XML",
        "topElement": "stones",
        "documentElement": "stone",
        "primaryKeyJSONPath": "$.stone.id.'_$'",
        "transformScript": XML_TRANSFORM,
    },
    "oai": {
        "ingestMethod": "OAI",
        "sleepTimeSecs": "0",
        "primaryKeyJSONPath": "$.record.header.identifier.'_$'",
        "transformScript": OAI_TRANSFORM,
    },
}


@dataclass(frozen=True, slots=True)
class RunItem:
    """What the table says of a run."""

    phase: Phase
    fence: int
    lease_until: float

    @property
    def is_held(self) -> bool:
        return self.lease_until > time.time()


@dataclass
class Curator:
    """`said` keeps every answer, as text, to be searched for what must not be in it."""

    stack: RunningStack
    server: SourceServer
    said: list[str] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)

    def call(
        self, method: str, path: str, body: object = None, *, person: str | None = "curator"
    ) -> Any:
        status, document = self.stack.call(method, path, body, person=person)
        self.said.append(orjson.dumps(document).decode())
        assert status == 200, (method, path, status, document)
        return document

    def control(self, method: str, route: str, query: str) -> Any:
        """A controller's route as its documents show it; `query` goes out as it stands."""
        key = self.stack.keys["curator"]["key"]
        return self.call(method, f"/controller/{route}?{query}&api_key={key}", person=None)

    # --- registry ---------------------------------------------------------------------------------

    def register(self, source_id: str, kind: str, **changes: Any) -> None:
        self.call("POST", "/v1/source", self.descriptor(source_id, kind, **changes))

    def change(self, source_id: str, kind: str, **changes: Any) -> None:
        descriptor = self.descriptor(source_id, kind, **changes)
        self.call("PUT", f"/v1/source/{source_id}", descriptor)

    def descriptor(self, source_id: str, kind: str, **changes: Any) -> dict[str, Any]:
        return {
            "sourceID": source_id,
            "name": source_id,
            "scrID": "SCR_1",
            "ingestURL": self.server.url(f"/{kind}/{source_id}"),
            "allowHttp": "true",
            "visible_to": "public",
            **DESCRIPTORS[kind],
            **changes,
        }

    def make_index(self, name: str, source_id: str) -> str:
        """An index of the owner's that the source may publish to under this name; its id."""
        document = {"display_name": name, "description": "made by a test"}
        index_id: str = self.call("POST", "/v1/index", document, person="owner")["id"]
        allowed = {"sources": [source_id]}
        self.call("PUT", f"/v1/index/{index_id}/name/{name}", allowed, person="owner")
        return index_id

    # --- workflows --------------------------------------------------------------------------------

    def start(self, source_id: str, index_name: str, more: str = "") -> str:
        """The id of the run that `update` began."""
        query = f"resourceID={source_id}&indexName={index_name}{more}"
        assert self.control("POST", "update", query) == {"message": "Your Request started"}
        newest: str = self.newest(source_id)["requestID"]
        return newest

    def finish(self, source_id: str, route: str = "update_status") -> dict[str, Any]:
        """Waits for the words of the status route; the run as `runs` shows it then."""
        deadline = time.monotonic() + SECONDS
        while (said := self.control("GET", route, f"resourceID={source_id}")) != {
            "status": "Finished"
        }:
            assert said == {"status": "Running"}, said
            assert time.monotonic() < deadline, self.newest(source_id)
            time.sleep(LOOK_SECONDS)
        return self.newest(source_id)

    def update(self, source_id: str, index_name: str, more: str = "") -> dict[str, Any]:
        self.start(source_id, index_name, more)
        return self.finish(source_id)

    def newest(self, source_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("GET", f"/v1/source/{source_id}/runs?limit=1")["runs"][0]
        return found

    # --- what is there ----------------------------------------------------------------------------

    def searched(self, index_id: str) -> tuple[int, dict[str, Any]]:
        """How many subjects a search finds, and the contents of the first thousand by name."""
        path = f"/v1/index/{index_id}/search?q=*&limit=1000"
        found = self.call("GET", path, person="owner")
        contents = [each["entries"][0]["content"] for each in found["gmeta"]]
        return found["total"], {content["name"]: content for content in contents}

    def engine_documents(self, index_id: str) -> dict[str, tuple[int, Any]]:
        """Document id → version and source, from OpenSearch itself."""
        found: dict[str, tuple[int, Any]] = {}
        body: dict[str, Any] = {"size": 10_000, "version": True, "sort": [{"subject": "asc"}]}
        while True:
            answer = urllib3.request(
                "POST",
                f"{self.stack.opensearch_url}/garner-{index_id}/_search",
                json=body,
                timeout=60,
            )
            hits = answer.json()["hits"]["hits"]
            found |= {hit["_id"]: (hit["_version"], hit["_source"]) for hit in hits}
            if not hits:
                return found
            body["search_after"] = hits[-1]["sort"]

    def log_head(self, index_id: str) -> int:
        """The last slot of the index's log."""
        return int(self._item(f"H#{index_id.replace('-', '')[:12]}", "-").get("head", 0))

    def tasks_of(self, index_id: str, since: int) -> list[dict[str, Any]]:
        """The tasks in the slots after `since`, newest first."""
        tasks = self.call("GET", f"/v1/task_list/{index_id}", person="owner")["tasks"]
        return list(tasks[: self.log_head(index_id) - since])

    def run_item(self, run_id: str) -> "RunItem":
        item = self._item(f"X#R#{run_id}", "RUN")
        return RunItem(Phase(item["phase"]), int(item["fence"]), float(item["lease_until"]))

    def sweep(self) -> None:
        """Runs the sweeper of harvests now instead of at the next minute."""
        function = self.physical("HarvestSweeperFunction")
        answer = self.stack.aws("lambda").invoke(FunctionName=function, Payload=b"{}")
        assert "FunctionError" not in answer, answer["Payload"].read()

    def physical(self, logical_id: str) -> str:
        if logical_id not in self._names:
            self._names[logical_id] = self.stack.physical(logical_id)
        return self._names[logical_id]

    @cached_property
    def _dynamodb(self) -> Any:
        return self.stack.aws("dynamodb")

    def _item(self, pk: str, sk: str) -> dict[str, Any]:
        found = self._dynamodb.get_item(
            TableName=self.physical("Table"),
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            ConsistentRead=True,
        )
        return {name: next(iter(value.values())) for name, value in found.get("Item", {}).items()}
