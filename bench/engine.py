"""The real engine, for the time of a run. Numbers of any other engine say nothing."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import engine as engines
from local.processes import free_port

# Of a data node with 8 GB, half of its memory, as OpenSearch's guide has it. In the 2 GB of the
# local stack the collector marks all the time beside a load.
HEAP = ("-Xms4g", "-Xmx4g")


@contextmanager
def running() -> Iterator[str]:
    """Starts OpenSearch in one JVM of its own and yields its URL."""
    with tempfile.TemporaryDirectory(prefix="garner-bench-") as folder:
        engine = engines.start("opensearch", free_port(), Path(folder), HEAP)
        try:
            yield engine.url
        finally:
            engine.stop()
