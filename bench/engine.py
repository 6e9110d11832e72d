"""The real engine, for the time of a run. Numbers of any other engine say nothing."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import engine as engines
from local.processes import free_port


@contextmanager
def running() -> Iterator[str]:
    """Starts OpenSearch in one JVM of its own and yields its URL."""
    with tempfile.TemporaryDirectory(prefix="garner-bench-") as folder:
        engine = engines.start("opensearch", free_port(), Path(folder))
        try:
            yield engine.url
        finally:
            engine.stop()
