"""Handlers of queues: a message at a time, and one that fails takes no other with it."""

import json
import logging
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from garner.errors import JsonObject

log = logging.getLogger(__name__)

Work = Callable[[JsonObject, LambdaContext], None]
"""Takes the body of a message. What it raises is a defect, and the message comes again."""


def each_message(work: Work, *, after: Callable[[], None] = lambda: None) -> Callable[..., Any]:
    """The handler of an SQS source that reports the messages on which `work` failed, and raises if
    it failed on all of them; `after` is called when the batch is done."""
    processor = BatchProcessor(event_type=EventType.SQS)

    def handler(event: dict[str, Any], context: LambdaContext) -> Any:
        def one(record: SQSRecord) -> None:
            try:
                work(json.loads(record.body), context)
            except Exception:
                log.exception("message failed", extra={"message_id": record.message_id})
                raise

        try:
            return process_partial_response(
                event=event, record_handler=one, processor=processor, context=context
            )
        finally:
            after()

    return handler
