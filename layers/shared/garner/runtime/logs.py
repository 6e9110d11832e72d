"""Structured logs: a constant message, everything else as keys.

Code logs with the standard library (`logging.getLogger(__name__)`, `extra={...}`); this module
only decides what a line looks like and where it goes.
"""

import logging
import sys

from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

_OWN = "garner"


def configure(function: str, level: str) -> None:
    """JSON lines on stderr, each with the function's name; may be called again."""
    logger = logging.getLogger(_OWN)
    logger.setLevel(level)
    logger.propagate = False  # the runtime's own handler on the root would print every line twice
    handler = logging.StreamHandler(sys.stderr)
    formatter = LambdaPowertoolsFormatter(
        log_record_order=["level", "message", "timestamp"], location=None, utc=True
    )
    formatter.append_keys(function=function)
    handler.setFormatter(formatter)
    logger.handlers[:] = [handler]
