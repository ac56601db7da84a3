"""The rules: a suite file per object and mart, completed by what an object's contract already says.

`expectations/raw/<source>/<object>.json` and `expectations/marts/<mart>.json` are plain GX suites of stock
expectations. Each expectation carries a `description`, a `severity` (critical stops the load, warning does
not) and in `meta`: `rule`, its name, `aspect`, what of the data it looks at, and `quarantine`, true where a
broken row is set aside. `mostly` is the share of rows that must hold for a critical rule not to stop the
load. `{"$PARAMETER": name}` is filled in each night: see `night_parameters` and `gate.usual`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from great_expectations import ExpectationSuite
from great_expectations.exceptions import ExpectationNotFoundError
from great_expectations.expectations.core import ExpectColumnProportionOfNonNullValuesToBeBetween
from great_expectations.expectations.expectation import ColumnAggregateExpectation
from great_expectations.expectations.registry import get_expectation_impl

from ckm.contracts import ObjectContract
from ckm.errors import ConfigurationError
from ckm.extract.window import FAR_AHEAD_DAYS, Window
from ckm.gate import usual
from ckm.gate.candidates import LINE_UNREADABLE, UNREADABLE, cast_columns
from ckm.gate.outcome import Outcome, RuleResult
from ckm.gate.suite_files import DAYS_BEFORE, RowExpectations, Rule, asked_by
from ckm.sources import Company

UNREADABLE_SHARE_OF_A_RETYPED_COLUMN = 0.5
ONE_CONTENT_PER_KEY = "one_content_per_key"
FAR_AHEAD = f"night_end_plus_{FAR_AHEAD_DAYS}_days"
UNKNOWN_SHARE = 0.2  # a parent may come a little later, or have been set aside
UNKNOWN_STANDARD_ERRORS = 3


@dataclass(frozen=True)
class Suite:
    """A suite that can be run, and the verdicts of rules that need not be: there is nothing to judge by, or no
    row that could break them."""

    expectations: ExpectationSuite
    settled: list[RuleResult]


def night_parameters(asked: Collection[str], night: date, company: Company) -> dict[str, str]:
    """What a suite may ask about the night: its date, the moments in UTC at which its local day begins and ends,
    the beginning of a local day before, `night_start_minus_3_days`, and from when on a cursor is wrong."""

    def end_of(day: date) -> str:
        return f"{Window.until(day, company.zone, None, 0).end:%Y-%m-%d %H:%M:%S}"

    parameters = {"night": night.isoformat(), "night_end": end_of(night)}
    parameters[FAR_AHEAD] = f"{Window.until(night, company.zone, None, 0).far_ahead:%Y-%m-%d %H:%M:%S}"
    parameters["night_start"] = end_of(night - timedelta(days=1))
    for match in filter(None, map(DAYS_BEFORE.fullmatch, asked)):
        parameters[match[0]] = end_of(night - timedelta(days=int(match[1]) + 1))
    return parameters


def aggregated_columns(rules: Collection[Rule]) -> set[str]:
    """The columns of which a rule judges one figure, such as the newest date: without cells there is none."""
    return {rule["kwargs"]["column"] for rule in rules if _is_aggregate(rule)}


def suite_of(
    folder: Path,
    name: str,
    rules: Collection[Rule],
    parameters: Mapping[str, Any],
    missing: Mapping[str, str] | None = None,
    cells: Mapping[str, int] | None = None,
    rows: int | None = None,
) -> Suite:
    """The suite with its parameters filled in, less the rules that need not be judged.

    Args:
        missing: why a parameter cannot be given yet, by name.
        cells: the number of filled cells of each of `aggregated_columns`.
        rows: the number of rows to be judged, where known. Of none, GX says at length that every rule about a
            row holds.

    Raises:
        ConfigurationError: GX does not know an expectation or a field of it, or a parameter is unknown.
    """
    file, run, settled = folder / f"{name}.json", [], []
    for rule in rules:
        why = [(missing or {})[asked] for asked in asked_by(rule["kwargs"]) if asked in (missing or {})]
        if not why and _is_aggregate(rule) and (cells or {}).get(rule["kwargs"]["column"]) == 0:
            why = [f"no row has {rule['kwargs']['column']}"]
        if why:
            settled.append(_settled(rule, "skipped", why=why[0]))
        elif rows == 0 and issubclass(_kind(rule), RowExpectations):
            settled.append(_settled(rule, "passed", rows=0))
        else:
            run.append({**rule, "kwargs": _fill(rule["kwargs"], parameters, file)})
    try:
        return Suite(ExpectationSuite(name=name.replace("/", "."), expectations=run), settled)
    except Exception as error:
        raise ConfigurationError(
            f"{file} is no valid GX suite: {' '.join(str(error).split())[:300]}"
        ) from error


def contract_rules(contract: ObjectContract, source: str = "", mapped: Collection[str] = ()) -> list[Rule]:
    """What the contract itself demands of a row: a readable line, readable cells, required cells, one content per
    key, a cursor that can be; and that what it refers to is known.

    A column of which more than half the cells are unreadable was retyped: that fails the object, while a
    single bad cell only sets its row aside.

    Args:
        mapped: the source's objects that the company has; what refers to others cannot be looked up.
    """
    rules = [
        _row_rule(
            "expect_column_values_to_be_null",
            {"column": LINE_UNREADABLE, "mostly": 1 - UNREADABLE_SHARE_OF_A_RETYPED_COLUMN},
            rule="line_is_readable",
            aspect="type",
            description="Each line or record can be read as a row.",
            fails_object=True,
        )
    ]
    rules += [
        _row_rule(
            "expect_column_values_to_be_null",
            {"column": column + UNREADABLE, "mostly": 1 - UNREADABLE_SHARE_OF_A_RETYPED_COLUMN},
            rule=f"{column}_is_readable",
            aspect="type",
            description=f"Each {column} reads as {contract.columns[column].type}.",
            fails_object=True,
        )
        for column in cast_columns(contract)
    ]
    rules += [
        _row_rule(
            "expect_column_values_to_not_be_null",
            {"column": name, "mostly": 0.5},
            rule=f"{name}_is_present",
            aspect="completeness",
            description=f"Each row has {name}.",
        )
        for name, column in contract.columns.items()
        if column.required
    ]
    rules.append(
        _row_rule(
            "expect_column_values_to_be_in_set",
            {"column": "contents_per_key", "value_set": [1], "mostly": 0.5},
            rule=ONE_CONTENT_PER_KEY,
            aspect="key",
            description=f"No two rows of one night give the same {' and '.join(contract.key)} different contents.",
        )
    )
    if contract.cursor:
        rules.append(
            _row_rule(
                "expect_column_values_to_be_between",
                {
                    "column": contract.cursor,
                    "max_value": {"$PARAMETER": FAR_AHEAD},
                    "strict_max": True,
                    "mostly": 0.5,
                },
                rule=f"{contract.cursor}_is_not_far_ahead",
                aspect="range",
                description=f"No {contract.cursor} lies {FAR_AHEAD_DAYS} days or more after the night.",
            )
        )
    for name, column in contract.columns.items():
        parent, _, key = (column.references or "").partition(".")
        if parent in mapped and "." not in key:
            rules.append(_reference_rule(name, f"raw_{source}.{parent}", parent, key))
    return rules


def rules_beyond_the_row(rules: Collection[Rule]) -> list[str]:
    """The row rules of an object whose verdict on a row may change while the row does not.

    These are the rules that ask about the night, and the one that compares a row with its neighbours.
    """
    asking = [rule["meta"]["rule"] for rule in rules if asked_by(rule["kwargs"])]
    return [*asking, ONE_CONTENT_PER_KEY]


def _reference_rule(column: str, table: str, parent: str, key: str) -> Rule:
    query = (
        "with judged as (select * from {batch}) "
        f"select count(*) as unknown_rows, (select count({column}) from judged) as judged_rows from judged "
        f"where {column} is not null "
        f"and not exists (select 1 from {table} as known where known.{key} = judged.{column}) "
        f"having count(*) > (select {UNKNOWN_SHARE} * count({column}) "
        f"+ {UNKNOWN_STANDARD_ERRORS} * sqrt(count({column})) from judged)"
    )
    return {
        "type": "unexpected_rows_expectation",
        "kwargs": {"unexpected_rows_query": query},
        "severity": "warning",
        "description": f"About a fifth of the rows at most name, by {column}, what is not among the {parent}.",
        "meta": {"rule": f"{column}_is_known", "aspect": "reference"},
    }


def _row_rule(
    kind: str, kwargs: dict[str, Any], *, rule: str, aspect: str, description: str, fails_object: bool = False
) -> Rule:
    meta = {"rule": rule, "aspect": aspect, "quarantine": True}
    meta |= {"fails_object": True} if fails_object else {}
    return {"type": kind, "kwargs": kwargs, "severity": "critical", "description": description, "meta": meta}


def _settled(rule: Rule, outcome: Outcome, *, why: str | None = None, rows: int | None = None) -> RuleResult:
    return RuleResult(
        rule=rule["meta"]["rule"],
        aspect=rule["meta"]["aspect"],
        description=rule.get("description", ""),
        severity=rule.get("severity", "critical"),
        outcome=outcome,
        evaluated_rows=rows,
        failing_rows=rows,
        observed_value=None,
        expected=None,
        message=why,
        quarantines=bool(rule["meta"].get("quarantine")),
    )


def _is_aggregate(rule: Rule) -> bool:
    """Whether a rule judges a figure that no cells do not have; the share of filled cells is then nought."""
    kind = _kind(rule)
    return issubclass(kind, ColumnAggregateExpectation) and not issubclass(
        kind, ExpectColumnProportionOfNonNullValuesToBeBetween
    )


def _kind(rule: Rule) -> type:
    """GX's class of a rule; a plain object where GX does not know it, which building the suite then says."""
    try:
        return get_expectation_impl(rule["type"])
    except ExpectationNotFoundError:
        return object


def _fill(value: Any, parameters: Mapping[str, Any], file: Path) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$PARAMETER"}:
            name = value["$PARAMETER"]
            if name not in parameters:
                raise ConfigurationError(
                    f"{file}: parameter {name} is unknown; known are {', '.join(sorted(parameters))} and what "
                    f"{usual.__name__} gives."
                )
            return parameters[name]
        return {key: _fill(item, parameters, file) for key, item in value.items()}
    return [_fill(item, parameters, file) for item in value] if isinstance(value, list) else value
