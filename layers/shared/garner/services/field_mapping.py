"""The types of an index's fields, and how many more it may have (contract 2.23)."""

from garner import limits
from garner.domain.fields import (
    Schema,
    contract_path,
    parse_contract_path,
    parts_of_engine_path,
)
from garner.domain.principals import Caller
from garner.errors import JsonObject, NotFound
from garner.ports.indexes import IndexStore
from garner.ports.task_log import TaskLog
from garner.services import access


def show_mapping(index_id: str, caller: Caller, *, indexes: IndexStore, log: TaskLog) -> JsonObject:
    """All fields, contract path → type, in alphabetical order."""
    schema = _schema(index_id, caller, indexes, log)
    types = {
        contract_path(parts_of_engine_path(path)): kind.wire_name
        for path, kind in schema.fields.items()
    }
    return _document(dict(sorted(types.items())))


def show_field(
    index_id: str, field_name: str, caller: Caller, *, indexes: IndexStore, log: TaskLog
) -> JsonObject:
    """One field by its contract path; raises `NotFound`."""
    schema = _schema(index_id, caller, indexes, log)
    kind = schema.type_of(parse_contract_path(field_name))
    if kind is None:
        raise NotFound(f'There is no field "{field_name}" in this index')
    return _document({field_name: kind.wire_name})


def show_budget(index_id: str, caller: Caller, *, indexes: IndexStore, log: TaskLog) -> JsonObject:
    used = len(_schema(index_id, caller, indexes, log).fields)
    return {"budget": limits.MAX_FIELDS, "used": used, "remaining": limits.MAX_FIELDS - used}


def _schema(index_id: str, caller: Caller, indexes: IndexStore, log: TaskLog) -> Schema:
    record = access.admit(index_id, caller, access.FIELD_MAPPING, indexes=indexes).index
    return log.schema(record.index_id)


def _document(mappings: dict[str, str]) -> JsonObject:
    return {"@version": "2017-09-01", "mappings": mappings}
