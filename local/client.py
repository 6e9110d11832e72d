"""The few calls of the public API that the local stack makes, as any client would."""

import time
from typing import Any

import urllib3

from local.processes import StartFailed


class Client:
    """Calls with one person's key."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(
            headers={"Authorization": f"Bearer {key}"}, timeout=60, retries=False
        )

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The answer's document; raises `StartFailed` where the API answers with an error."""
        answer = self._pool.request(method, self._url + path, json=body)
        if answer.status >= 300:
            raise StartFailed(f"{method} {path} answered {answer.status}: {answer.data.decode()}")
        return answer.json()

    def exists(self, path: str) -> bool:
        return self._pool.request("GET", self._url + path).status == 200

    def wait_for(self, task_id: str, seconds: float = 300) -> None:
        """Returns when the task is SUCCESS; raises `StartFailed` if it fails or takes longer."""
        deadline = time.monotonic() + seconds
        while (task := self.call("GET", f"/v1/task/{task_id}"))["state"] != "SUCCESS":
            if task["state"] == "FAILED" or time.monotonic() > deadline:
                raise StartFailed(f"Task {task_id} did not succeed: {task}")
            time.sleep(0.2)
