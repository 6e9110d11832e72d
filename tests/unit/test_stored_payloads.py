"""Payloads: the object store is started when it is needed, and once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from unittest import mock

from garner.runtime.clock import RandomIds, SystemClock
from garner.storage.dynamodb.table import Table
from garner.storage.payloads import StoredPayloads


def test_threads_that_need_the_object_store_at_the_same_time_start_it_once() -> None:
    started, other_is_there = [], Event()

    def objects() -> Any:
        started.append(1)
        other_is_there.wait(0.2)  # as long as a second start would need to begin
        return mock.Mock(pin=lambda name: None)

    calls = mock.Mock()
    payloads = StoredPayloads(Table(calls, "t"), objects, clock=SystemClock(), ids=RandomIds())
    assert started == []
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(payloads.pin, "abc")) == [None] * 3
    assert started == [1]
