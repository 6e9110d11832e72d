"""The Search API (its contract, section 2), with its extensions."""

from garner.contracts import gmeta, index, query_documents, result_models, role, task, webhook
from tools.declarations import components
from tools.operations.model import FLAG, TEXT, Operation, Schema, in_query

SUBJECT = in_query("subject", TEXT, "The subject.", required=True)
ENTRY_ID = in_query("entry_id", TEXT, "Absent or empty: the entry without an id.")
BYPASS = in_query("bypass_visible_to", FLAG, "Owners and admins: see every entry.")
RESULT_FORMAT = in_query(
    "result_format_version",
    {"enum": ["2019-08-27", "2017-09-01"], "default": "2019-08-27"},
    "The layout of results.",
)
FILTER_ROLES = in_query("filter_roles", TEXT, "owner, admin, writer; separated by commas.")
ON_ERROR = in_query(
    "on_error",
    {"enum": ["abort", "skip"], "default": "abort"},
    "skip applies the valid entries of a task that has invalid ones (an extension).",
)
DRY_RUN = in_query("dry_run", FLAG, "Say what would happen, and do nothing (an extension).")
OUTCOMES = (
    in_query("limit", {"type": "integer", "default": 100, "maximum": 5_000}, "The page size."),
    in_query("marker", TEXT, "That of the page before."),
    in_query("outcome", {"enum": ["applied", "superseded", "rejected"]}, "Only these."),
)
IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": TEXT,
    "description": "A repetition with the same key gets the first answer again (an extension).",
}
SEARCH = (
    in_query("q", TEXT, "The query; * finds everything.", required=True),
    in_query("limit", {"type": "integer", "default": 10, "maximum": 10_000}, "The page size."),
    in_query("offset", {"type": "integer", "default": 0, "maximum": 10_000}, "Where it starts."),
    in_query("advanced", FLAG, "The query is in the advanced syntax."),
    BYPASS,
    in_query("filter_principal_sets", TEXT, "Names of principal sets; separated by commas."),
    in_query("fields", TEXT, "content, visible_to, principal_sets; separated by commas."),
    RESULT_FORMAT,
)
READ = (SUBJECT, BYPASS, RESULT_FORMAT)
WRITE = (IDEMPOTENCY_KEY,)

FREE: dict[str, Schema] = {
    "GError": {
        "type": "object",
        "description": "Every error of the Search API.",
        "required": ["@datatype", "@version", "status", "code", "message", "request_id"],
        "properties": {
            "@datatype": {"const": "GError"},
            "@version": {"const": "2017-09-01"},
            "status": {"type": "integer"},
            "code": {"type": "string", "examples": ["NotFound.NoSuchIndex"]},
            "message": TEXT,
            "request_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            "error_data": {"type": ["object", "array"]},
            "errors": False,
        },
    },
    "FieldMapping": {
        "type": "object",
        "description": "The type of each field, by its path.",
        "required": ["@version", "mappings"],
        "properties": {
            "@version": {"const": "2017-09-01"},
            "mappings": {
                "type": "object",
                "additionalProperties": {
                    "enum": ["text", "long", "float", "boolean", "date", "geo_point", "geo_shape"]
                },
            },
        },
    },
    "FieldBudget": {
        "type": "object",
        "required": ["budget", "used", "remaining"],
        "properties": {name: {"type": "integer"} for name in ("budget", "used", "remaining")},
    },
    "IngestAnswer": {
        "anyOf": [
            {"$ref": "#/components/schemas/TaskSubmitResponse"},
            {
                "type": "object",
                "description": "With dry_run: what the task would come to.",
                "required": [
                    "dry_run",
                    "valid",
                    "message",
                    "counts",
                    "errors",
                    "new_fields",
                    "field_budget",
                    "sizes",
                    "visible_to",
                ],
                "properties": {"dry_run": {"const": True}, "valid": {"type": "boolean"}},
            },
        ]
    },
    "JsonObject": {"type": "object"},
    **components(query_documents.SEARCH, query_documents.SCROLL, query_documents.DELETE_BY_QUERY),
}
"""Schemas that no model has."""

_INDEX, _I = "/v1/index", "/v1/index/{index_id}"
_SUBMITTED = task.TaskSubmitResponse

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("GET", f"{_I}/search"): Operation(
        "search_get", "Search", "Simple query", result_models.GSearchResult, parameters=SEARCH
    ),
    ("POST", f"{_I}/search"): Operation(
        "search_post",
        "Search",
        "Complex query",
        result_models.GSearchResult,
        "GSearchRequest",
    ),
    ("POST", f"{_I}/scroll"): Operation(
        "scroll", "Search", "Fetch all matches", result_models.ScrollResult, "GScrollRequest"
    ),
    ("GET", f"{_I}/subject"): Operation(
        "subject_get", "Search", "Show a subject", result_models.GMetaResult, parameters=READ
    ),
    ("GET", f"{_I}/entry"): Operation(
        "entry_get",
        "Search",
        "Show an entry",
        result_models.GMetaResult,
        parameters=(*READ, ENTRY_ID),
    ),
    ("POST", f"{_I}/ingest"): Operation(
        "ingest",
        "Ingest",
        "Write entries",
        "IngestAnswer",
        gmeta.GIngest,
        (*WRITE, ON_ERROR, DRY_RUN),
    ),
    ("POST", f"{_I}/upload"): Operation(
        "upload", "Ingest", "A form for a large file (an extension)", task.UploadOffer
    ),
    ("POST", f"{_I}/field_mapping"): Operation(
        "declare_fields",
        "Fields",
        "Declare field types (an extension)",
        _SUBMITTED,
        task.DeclareFields,
        WRITE,
    ),
    ("POST", f"{_I}/entry"): Operation(
        "entry_post", "Ingest", "Create or replace an entry", _SUBMITTED, gmeta.GMetaEntry, WRITE
    ),
    ("PUT", f"{_I}/entry"): Operation(
        "entry_put", "Ingest", "Create or replace an entry", _SUBMITTED, gmeta.GMetaEntry, WRITE
    ),
    ("DELETE", f"{_I}/entry"): Operation(
        "entry_delete",
        "Ingest",
        "Delete an entry",
        _SUBMITTED,
        parameters=(SUBJECT, ENTRY_ID, *WRITE),
    ),
    ("DELETE", f"{_I}/subject"): Operation(
        "subject_delete", "Ingest", "Delete a subject", _SUBMITTED, parameters=(SUBJECT, *WRITE)
    ),
    ("POST", f"{_I}/batch_delete_by_subject"): Operation(
        "batch_delete_by_subject",
        "Ingest",
        "Delete subjects",
        _SUBMITTED,
        task.BatchDeleteBySubject,
        WRITE,
    ),
    ("POST", f"{_I}/delete_by_query"): Operation(
        "delete_by_query",
        "Ingest",
        "Delete what a query finds",
        _SUBMITTED,
        "GDeleteByQuery",
        WRITE,
    ),
    ("GET", "/v1/task/{task_id}"): Operation("task_get", "Tasks", "Show a task", task.TaskDocument),
    ("POST", "/v1/task/{task_id}/cancel"): Operation(
        "task_cancel", "Tasks", "Cancel a task (an extension)", task.TaskDocument
    ),
    ("GET", "/v1/task/{task_id}/outcomes"): Operation(
        "task_outcomes",
        "Tasks",
        "What became of each entry (an extension)",
        task.OutcomeList,
        parameters=OUTCOMES,
    ),
    ("POST", "/v1/task/{task_id}/replay"): Operation(
        "task_replay",
        "Tasks",
        "Submit the rejected entries again (an extension)",
        _SUBMITTED,
        parameters=(*WRITE, ON_ERROR),
    ),
    ("GET", "/v1/task_list/{index_id}"): Operation(
        "task_list", "Tasks", "List the latest tasks", task.TaskList
    ),
    ("POST", _INDEX): Operation(
        "index_create", "Indexes", "Create an index", index.GSearchIndex, index.IndexCreate
    ),
    ("GET", "/v1/index_list"): Operation(
        "index_list", "Indexes", "List indexes", index.IndexList, parameters=(FILTER_ROLES,)
    ),
    ("GET", _I): Operation("index_get", "Indexes", "Show an index", index.IndexWithPermissions),
    ("PATCH", _I): Operation(
        "index_update", "Indexes", "Change an index", index.GSearchIndex, index.IndexUpdate
    ),
    ("DELETE", _I): Operation(
        "index_delete", "Indexes", "Delete an index", index.IndexAcknowledgement
    ),
    ("POST", f"{_I}/reopen"): Operation(
        "index_reopen", "Indexes", "Reopen a deleted index", index.IndexAcknowledgement
    ),
    ("POST", f"{_I}/role"): Operation(
        "role_create", "Roles", "Give a role", role.RoleDocument, role.RoleCreate
    ),
    ("GET", f"{_I}/role_list"): Operation("role_list", "Roles", "List roles", role.RoleList),
    ("DELETE", f"{_I}/role/{{role_id}}"): Operation(
        "role_delete", "Roles", "Take a role away", role.RoleDeleted
    ),
    ("GET", "/beta/index/{index_id}/mapping"): Operation(
        "mapping_get", "Fields", "All field types", "FieldMapping"
    ),
    ("GET", "/beta/index/{index_id}/mapping/{field_name}"): Operation(
        "mapping_field_get", "Fields", "The type of a field", "FieldMapping"
    ),
    ("GET", "/beta/index/{index_id}/field_budget"): Operation(
        "field_budget_get", "Fields", "How many more fields there may be", "FieldBudget"
    ),
    ("POST", f"{_I}/webhook"): Operation(
        "webhook_create",
        "Webhooks",
        "Register a webhook (an extension)",
        webhook.WebhookCreated,
        webhook.WebhookCreate,
    ),
    ("GET", f"{_I}/webhook_list"): Operation(
        "webhook_list", "Webhooks", "List webhooks", webhook.WebhookList
    ),
    ("DELETE", f"{_I}/webhook/{{webhook_id}}"): Operation(
        "webhook_delete", "Webhooks", "Delete a webhook", webhook.WebhookDeleted
    ),
    ("GET", f"{_I}/webhook/{{webhook_id}}/deliveries"): Operation(
        "webhook_deliveries", "Webhooks", "What was delivered", webhook.DeliveryList
    ),
    ("GET", "/"): Operation(
        "page", "About", "This document, readable", None, content_type="text/html"
    ),
    ("GET", "/openapi.json"): Operation("openapi", "About", "This document", "JsonObject"),
}
