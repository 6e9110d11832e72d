"""Files that clients put into the store themselves, for loads that no request can carry
(ingest protocol 7)."""

import re
from datetime import UTC, datetime

from garner import limits
from garner.domain.principals import Caller
from garner.domain.slots import index_key
from garner.domain.uploads import Upload
from garner.errors import JsonObject, ValidationFailed
from garner.ports.clock import Clock, Ids
from garner.ports.indexes import IndexStore
from garner.ports.payloads import PayloadStore
from garner.services import access

_UPLOAD_ID = re.compile("[0-9a-f]{16,64}")


def offer_upload(
    index_id: str,
    caller: Caller,
    *,
    indexes: IndexStore,
    payloads: PayloadStore,
    clock: Clock,
    ids: Ids,
) -> JsonObject:
    """A form with which the caller can put one file there, and the id to ingest it by."""
    index = access.admit(index_id, caller, access.UPLOAD, indexes=indexes).index
    upload_id = ids.token()
    form = payloads.presign(
        _name(index.index_id, upload_id), limits.UPLOAD_MAX_BYTES, limits.UPLOAD_FORM_SECONDS
    )
    until = datetime.fromtimestamp(clock.seconds() + limits.UPLOAD_FORM_SECONDS, UTC)
    return {
        "upload_id": upload_id,
        "method": "POST",
        "url": form["url"],
        "fields": form["fields"],
        "max_bytes": limits.UPLOAD_MAX_BYTES,
        "expiration_date": until.strftime("%Y-%m-%dT%H:%M:%S.%f"),
    }


def find_upload(index_id: str, upload_id: str, *, payloads: PayloadStore) -> Upload:
    """The file in the version that is there now; raises `ValidationFailed` if there is none."""
    if _UPLOAD_ID.fullmatch(upload_id) and (upload := payloads.pin(_name(index_id, upload_id))):
        return upload
    raise ValidationFailed.of(
        "json",
        "ingest_data.upload_id",
        "Nothing was uploaded for this index under this id; upload the file first.",
    )


def _name(index_id: str, upload_id: str) -> str:
    return f"uploads/{index_key(index_id)}/{upload_id}"
