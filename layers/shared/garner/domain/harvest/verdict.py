"""Whether a crawl can be trusted: a pure function of its totals and the request's parameters.

Controller contract 3.6 to 3.9 with the decisions of harvest 1. All comparisons are exact.
"""

from dataclasses import asdict, dataclass
from fractions import Fraction

from garner import limits
from garner.domain.harvest.control import ResourceStatus
from garner.domain.harvest.requests import Parameters
from garner.errors import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a crawl and its pipeline counted. `new`, `same`, `changed` are distinct readable keys,
    `duplicates` further readable records of these keys, `unreadable` all others; `failed` are
    those of `new` and `changed` that the pipeline left in error."""

    new: int = 0
    same: int = 0
    changed: int = 0
    duplicates: int = 0
    unreadable: int = 0
    failed: int = 0
    not_seen: int = 0

    @property
    def distinct(self) -> int:
        """What accounting compares."""
        return self.new + self.same + self.changed

    @property
    def seen(self) -> int:
        """The denominator of shares: every record of this crawl (harvest 1, errors)."""
        return self.distinct + self.duplicates + self.unreadable

    @property
    def errors(self) -> int:
        return self.failed + self.unreadable

    @property
    def ingested(self) -> int:
        return self.new + self.changed

    @property
    def finished(self) -> int:
        return self.ingested - self.failed

    def to_json(self) -> JsonObject:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`reference` is what the next crawl is compared with; None leaves it as it is."""

    accepted: bool
    status: ResourceStatus
    message: str = ""
    reference: int | None = None
    notify: bool = False


def accounting_passes(current: int, previous: int) -> bool:
    """+20 % and -10 % pass, more fails; nothing to compare with passes (3.6)."""
    if previous == 0:
        return True
    change = 100 * (current - previous)
    return (
        -limits.ACCOUNTING_MAX_SHRINKAGE_PERCENT * previous
        <= change
        <= limits.ACCOUNTING_MAX_GROWTH_PERCENT * previous
    )


def duplicates_pass(totals: Totals, allowed: Fraction) -> bool:
    """Whether enough records reached an end state; the duplicates are those that can't (3.8)."""
    ended = totals.seen - totals.duplicates
    return 100 * ended >= totals.seen * (100 - allowed)


def errors_pass(errors: int, seen: int, allowed: Fraction) -> bool:
    """No error, or a share strictly below what is allowed (3.9)."""
    return errors == 0 or 100 * errors < allowed * seen


def decide_crawl(
    totals: Totals, parameters: Parameters, *, previous: int, allow_empty: bool
) -> Verdict:
    """The verdict on a complete crawl after its run cycles."""
    if totals.distinct == 0 and not (allow_empty and totals.unreadable == 0):
        return _refused(ResourceStatus.ERROR, "Errors in Ingestion: the crawl found no record")
    if not duplicates_pass(totals, parameters.allowed_duplicates):
        return _refused(
            ResourceStatus.STUCK,
            f"Ingestion STUCK: {totals.duplicates} of {totals.seen} records share a key with"
            f" another one, allowed {parameters.dup_perc or 0} %",
        )
    if not errors_pass(totals.errors, totals.seen, parameters.allowed_errors):
        return _refused(
            ResourceStatus.ERROR,
            f"Errors in Ingestion: {totals.errors} of {totals.seen} records are in error,"
            f" allowed below {parameters.err_perc or 0} %",
        )
    if not parameters.skip_check and not accounting_passes(totals.distinct, previous):
        return _refused(
            ResourceStatus.ERROR,
            f"Accounting Error: {totals.distinct} records, {previous} at the last accepted crawl",
        )
    return Verdict(
        accepted=True,
        status=ResourceStatus.FINISHED,
        message=_comment(totals),
        reference=totals.distinct,
        notify=totals.errors > 0,
    )


def decide_rerun(failed: int, records: int, what: str) -> Verdict:
    """The verdict on a run without a crawl: one record in error is one too many (3.7)."""
    if failed:
        return _refused(
            ResourceStatus.ERROR, f"Errors in {what}: {failed} of {records} records are in error"
        )
    return Verdict(accepted=True, status=ResourceStatus.FINISHED)


def _refused(status: ResourceStatus, message: str) -> Verdict:
    return Verdict(accepted=False, status=status, message=message, notify=True)


def _comment(totals: Totals) -> str:
    parts = []
    if totals.duplicates:
        parts.append(f"{totals.duplicates} duplicates")
    if totals.errors:
        parts.append(f"{totals.errors} records in error, let through by -errPerc")
    return "; ".join(parts)
