"""Structured logs: a constant message, everything else as keys.

Code logs with the standard library (`logging.getLogger(__name__)`, `extra={...}`); this module
only decides what a line looks like and where it goes. The keys are those of powertools' logger,
whose import alone would cost every cold start 40 ms (docs/adr/0016).
"""

import logging
import sys
from datetime import UTC, datetime

import orjson

_OWN = "garner"
_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a record: level, message, timestamp (ISO 8601, UTC), function, what was given
    as `extra`, and the exception with its trace."""

    def __init__(self, function: str) -> None:
        super().__init__()
        self._function = function

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "level": record.levelname,
            "message": record.getMessage(),
            "timestamp": at.isoformat(timespec="milliseconds"),
            "function": self._function,
        }
        line |= {k: v for k, v in vars(record).items() if k not in _OF_EVERY_RECORD}
        if record.exc_info and record.exc_info[0]:
            line["exception_name"] = record.exc_info[0].__name__
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def configure(function: str, level: str) -> None:
    """JSON lines on stderr, each with the function's name; may be called again."""
    logger = logging.getLogger(_OWN)
    logger.setLevel(level)
    logger.propagate = False  # the runtime's own handler on the root would print every line twice
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(function))
    logger.handlers[:] = [handler]
