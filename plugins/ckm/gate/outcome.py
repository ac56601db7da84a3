"""What a rule's verdict means for the load."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

Outcome = Literal["passed", "skipped", "quarantined", "warned", "object_failed", "failed"]

ASPECTS = (
    "completeness", "type", "range", "code_list", "key", "reference", "freshness", "volume", "drift", "sum",
)  # fmt: skip

# A rejected share only means something from a number of rejected rows on: two of three rows of a quiet
# night are no reason to stop a load, nor ten odd cells to call a column retyped.
SMALLEST_ALARMING_COUNT = 50
SMALLEST_RETYPED_COUNT = 10


@dataclass(frozen=True)
class RuleResult:
    """One rule over one table. Counts are rows; null where the rule is about the table as a whole.

    `aspect`, one of `ASPECTS`, is what of the data it looks at. A rule is skipped where there is nothing yet to
    compare the night with. One that quarantines sets the rows that break it aside.
    """

    rule: str
    aspect: str
    description: str
    severity: str
    outcome: Outcome
    evaluated_rows: int | None
    failing_rows: int | None
    observed_value: str | None
    expected: str | None
    message: str | None
    quarantines: bool = False


def outcome_of(
    *,
    success: bool,
    raised: bool,
    severity: str,
    quarantines: bool,
    fails_object: bool,
    failing_rows: int | None,
) -> Outcome:
    """From GX's verdict to what the load does about it.

    A rule that raises has not held. A row rule sets its rows aside and passes, unless too many broke it.
    """
    critical = severity == "critical"
    if raised:
        return "failed" if critical else "warned"
    tolerable = SMALLEST_RETYPED_COUNT if fails_object else SMALLEST_ALARMING_COUNT
    if success or (quarantines and (failing_rows or 0) < tolerable):
        return "quarantined" if quarantines and failing_rows else "passed"
    if not critical:
        return "quarantined" if quarantines else "warned"
    return "object_failed" if fails_object else "failed"


def among_new(result: RuleResult, mostly: float, known: int, known_broken: int) -> RuleResult:
    """The verdict of a rule that sets rows aside, without rows that wait since another night and break it again: a
    night is stopped for its own rows, and they were counted when they came.

    Args:
        mostly: the share of rows that must keep the rule.
        known: how many of the judged rows wait already, `known_broken` of which break the rule again.
    """
    if result.outcome not in ("failed", "object_failed") or not result.quarantines or not known_broken:
        return result
    new, broken = (result.evaluated_rows or 0) - known, (result.failing_rows or 0) - known_broken
    outcome = outcome_of(
        success=broken <= (1 - mostly) * new,
        raised=False,
        severity="critical",  # or it would stop nothing
        quarantines=True,
        fails_object=result.outcome == "object_failed",
        failing_rows=broken,
    )
    return replace(result, outcome="quarantined" if outcome == "passed" else outcome)


def sentence(result: RuleResult, place: str) -> str:
    """A verdict that does not hold, as a person would want to read it."""
    if result.message:
        return f"{place}: rule {result.rule} could not be evaluated: {result.message.rstrip('.')}."
    found = (
        f"{result.failing_rows:,} of {result.evaluated_rows:,} rows break it"
        if result.failing_rows and result.evaluated_rows
        else f"observed {result.observed_value}"
    )
    if result.expected:
        found += f", expected {result.expected}"
    return f"{place}: rule {result.rule} ({result.description.rstrip('.')}) does not hold: {found}."


def accepted(result: RuleResult, place: str, accept: Collection[str]) -> RuleResult:
    """The verdict after an operator has looked at it: a rule that is accepted for the night stops nothing.

    Args:
        place: `source.object` or `marts.mart`.
        accept: rules as `place.rule`.
    """
    if result.outcome not in ("failed", "object_failed") or f"{place}.{result.rule}" not in accept:
        return result
    note = "accepted for this night by the operator"
    outcome: Outcome = "quarantined" if result.quarantines and result.failing_rows else "warned"
    return replace(result, outcome=outcome, message=f"{result.message}; {note}" if result.message else note)
