"""An index as its users have it: what they write is drained before its task is looked at."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.fakes.api import Answered, Service


@dataclass
class IndexClient:
    """`keys` maps people to API keys; `by=None` is an anonymous caller; `drain` is a turn of the
    index worker."""

    service: Service
    index_id: str
    keys: dict[str, str]
    drain: Callable[[str], None]

    def send(
        self,
        method: str,
        route: str,
        body: Any = None,
        *,
        by: str | None = "owner",
        **query: object,
    ) -> Answered:
        """`route` is what follows the id of the index."""
        path = f"/v1/index/{self.index_id}{route}"
        key = self.keys[by] if by else None
        return self.service.send(method, path, body, key=key, **query)

    def submit(self, method: str, route: str, body: Any = None, **more: Any) -> str:
        """The task id of a write that must be accepted; nobody works on it yet."""
        answer = self.send(method, route, body, **more)
        assert answer.status == 200, answer.json
        task_id: str = answer.json["task_id"]
        return task_id

    def task(self, task_id: str) -> dict[str, Any]:
        found = self.service.send("GET", f"/v1/task/{task_id}", key=self.keys["owner"])
        assert found.status == 200, found.json
        document: dict[str, Any] = found.json
        return document

    def outcome(self, method: str, route: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """The task of a write, once the worker has been at it."""
        task_id = self.submit(method, route, body, **more)
        self.drain(self.index_id)
        return self.task(task_id)

    def ingest(self, *entries: dict[str, Any], **more: Any) -> dict[str, Any]:
        """The task of an ingest of a list, once the worker has been at it."""
        return self.outcome("POST", "/ingest", gmeta_list(*entries, **more))

    def write(self, *entries: dict[str, Any], **more: Any) -> None:
        """An ingest that must succeed."""
        task = self.ingest(*entries, **more)
        assert task["state"] == "SUCCESS", task

    def delete(self, method: str, route: str, body: Any = None, **more: Any) -> None:
        """A delete, or any other write, that must succeed."""
        task = self.outcome(method, route, body, **more)
        assert task["state"] == "SUCCESS", task

    def search(self, q: str | None = "*", *, by: str | None = "owner", **body: Any) -> Any:
        answer = self.send("POST", "/search", {"q": q, "limit": 1_000, **body}, by=by)
        assert answer.status == 200, answer.json
        return answer.json

    def subjects(self, q: str | None = "*", **more: Any) -> list[str]:
        """The subjects that a search finds, in the order of their names."""
        return sorted(result["subject"] for result in self.search(q, **more)["gmeta"])

    def entries(self, subject: str, **query: object) -> dict[str | None, Any]:
        """Contents by entry id, as Get Subject shows them to the owner; none for no subject."""
        answer = self.send("GET", "/subject", subject=subject, **query)
        if answer.status == 404:
            return {}
        return {entry["entry_id"]: entry["content"] for entry in answer.json["entries"]}

    def mapping(self) -> dict[str, str]:
        """Field types as the beta route tells them."""
        path = f"/beta/index/{self.index_id}/mapping"
        types: dict[str, str] = self.service.send("GET", path, key=self.keys["owner"]).json[
            "mappings"
        ]
        return types


def entry(subject: str, entry_id: str | None = None, **content: Any) -> dict[str, Any]:
    """A public entry."""
    return {"subject": subject, "id": entry_id, "visible_to": ["public"], "content": content}


def gmeta_list(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"ingest_type": "GMetaList", "ingest_data": {"gmeta": list(entries)}, **more}
