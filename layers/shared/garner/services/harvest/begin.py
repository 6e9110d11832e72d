"""Before anything is fetched: prior errors, the index name, the rule of the subject (harvest 1)."""

from dataclasses import replace

from garner.domain.harvest.requests import RequestState
from garner.domain.harvest.run import INDEX_NAME_ERROR, INDEXING_ERRORS, PRIOR_ERRORS
from garner.domain.harvest.subjects import effective_rule, rule_conflict
from garner.domain.harvest.tables import Target
from garner.ports.runs import LeaseLost
from garner.services.harvest.job import Job, RunFailed
from garner.services.harvest.manifest import load_base, transform_fingerprint


def begin(job: Job) -> None:
    """Notes in the run's facts what it is held against from here on."""
    run, tools = job.run, job.tools
    row = tools.sources.get(run.source_id)
    if row is None or row.active_run != run.run_id:
        raise LeaseLost
    request = tools.requests.get(run.run_id)
    if request and request.state is RequestState.PENDING:
        tools.requests.put(replace(request, state=RequestState.PROGRESS))
    run.facts |= {"base": row.base, "reference": row.reference}
    if run.type.crawls and row.errors_left and not run.parameters.force:
        raise RunFailed(PRIOR_ERRORS, f"{row.errors_left} records are in error since the last run")
    if not run.type.crawls and not row.base:
        raise RunFailed(PRIOR_ERRORS, "The source has no complete crawl yet")
    base = load_base(tools.stage, row.base)
    rule = base.rule if row.base else job.source.document_id_path
    if run.type.publishes:
        target = find_target(job)
        rule = _rule(job, target)
        run.facts |= {"index_id": target.index_id}
    fingerprint = transform_fingerprint(job.source)
    run.facts |= {
        "rule": rule,
        "transform": fingerprint,
        "transform_changed": bool(row.base) and base.transform != fingerprint,
        "rule_changed": bool(row.base) and base.rule != rule,
        "started": tools.clock.seconds(),
    }
    job.next_phase()


def find_target(job: Job) -> Target:
    """Where `indexName` leads for this source. Raises `RunFailed`."""
    run = job.run
    name = run.parameters.index_name
    row = job.tools.names.get(name)
    if row is None:
        raise RunFailed(INDEX_NAME_ERROR, f"There is no index name {name}")
    if run.source_id not in row.sources:
        raise RunFailed(INDEX_NAME_ERROR, f"The source may not publish to {name}")
    if run.facts.get("index_id") not in (None, row.index_id):
        raise RunFailed(INDEX_NAME_ERROR, f"{name} was moved to another index meanwhile")
    return job.tools.targets.get(run.source_id, row.index_id)


def _rule(job: Job, target: Target) -> str:
    rule = effective_rule(
        asked=job.run.parameters.json_path,
        published=target.rule,
        descriptor=job.source.document_id_path,
    )
    conflict = rule_conflict(rule, target.rule)
    if conflict:
        raise RunFailed(INDEXING_ERRORS, conflict)
    if target.entry_id not in (None, job.source.entry_id):
        raise RunFailed(
            INDEXING_ERRORS, "The entry id rule differs from the one already published with"
        )
    return rule
