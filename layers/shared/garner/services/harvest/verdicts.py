"""What became of the tasks of a run's parts."""

from collections.abc import Sequence

from garner import limits
from garner.domain.harvest.run import Run
from garner.errors import JsonObject
from garner.services.harvest.job import ComeBack, Job

_ASK_AT_ONCE = 50


def wait_for_tasks(job: Job, tasks: str, done: str) -> None:
    """Writes a marker of the kind `done` for each of the kind `tasks`; comes back while some are
    under way, soon at first. The cursor: how often was `asked`."""
    submitted = job.markers(tasks)
    asked = job.run.cursor.get("asked", 0)
    job.run.cursor["asked"] = asked + 1
    waiting = sorted(set(submitted) - set(job.markers(done)))
    for start in range(0, len(waiting), _ASK_AT_ONCE):
        numbers = waiting[start : start + _ASK_AT_ONCE]
        found = _ask(job, {number: submitted[number] for number in numbers})
        job.save({(job.kind(done), number): marker for number, marker in found.items()})
        if job.out_of_time:
            return
    if set(submitted) - set(job.markers(done)):
        raise ComeBack(min(2.0 ** min(asked, 10), limits.PUBLISH_POLL_SECONDS))
    job.next_phase()


def verdicts(job: Job, run: Run, tasks: str, done: str) -> dict[int, JsonObject]:
    """The markers of the kind `done`; for tasks without one, what can be said now. A task that is
    still under way, or was never submitted, has none."""
    runs = job.tools.runs
    known = runs.markers(run.run_id, f"{done}.{run.generation}")
    submitted = runs.markers(run.run_id, f"{tasks}.{run.generation}")
    open_tasks = sorted(set(submitted) - set(known))
    for start in range(0, len(open_tasks), _ASK_AT_ONCE):
        numbers = open_tasks[start : start + _ASK_AT_ONCE]
        known |= _ask(job, {number: submitted[number] for number in numbers})
    return known


def _ask(job: Job, tasks: dict[int, JsonObject]) -> dict[int, JsonObject]:
    found = {n: _refused(task) for n, task in tasks.items() if not task["task_id"]}
    asked: Sequence[int] = [n for n in tasks if n not in found]
    outcomes = job.tools.publisher.outcomes(
        job.run.facts["index_id"], [tasks[n]["task_id"] for n in asked]
    )
    for number, outcome in zip(asked, outcomes, strict=True):
        if outcome.state != "waiting":
            found[number] = {
                "rejected": list(outcome.rejected),
                "complete": outcome.complete,
                "entries": tasks[number]["entries"],
                "reason": outcome.reason,
            }
    return found


def _refused(task: JsonObject) -> JsonObject:
    return {
        "rejected": [],
        "complete": False,
        "entries": task["entries"],
        "reason": task["reason"],
    }
