"""Suite files: what stands under `expectations/`, and a sentence for each thing that is wrong there.

GX leaves out an expectation that it does not know, with no more than a line in a log; here it is a mistake.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import astuple
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import great_expectations.expectations.core  # noqa: F401 - registers the stock expectations
import pyarrow as pa
import pyarrow.compute as pc
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.registry import (
    get_expectation_impl,
    list_registered_expectation_implementations,
)

from ckm.errors import ConfigurationError, did_you_mean
from ckm.gate import usual
from ckm.gate.outcome import ASPECTS

SEVERITIES = ("critical", "warning")
NIGHT_PARAMETERS = ("night", "night_start", "night_end")
DAYS_BEFORE = re.compile(r"night_start_minus_(\d{1,4})_days")
RowExpectations = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)
Rule = dict[str, Any]  # one expectation as a suite file has it


def read_rules(folder: Path, name: str) -> list[Rule]:
    """The rules of one suite file; an absent file has none.

    Args:
        folder: `expectations/`.
        name: path below it without ending, `raw/crm/orders`.

    Raises:
        ConfigurationError: the file is no suite, or a rule is not what every rule must be.
    """
    file = folder / f"{name}.json"
    if not file.is_file():
        return []
    rules, faults = _read(file)
    for fault in [*faults, *_faults_of_rules(rules)]:
        raise ConfigurationError(f"{file}: {fault}")
    return rules


def suite_faults(
    folder: Path, columns: Mapping[str, Collection[str]], taken: Mapping[str, Collection[str]]
) -> Iterator[str]:
    """Everything that is wrong under `expectations/`, file by file.

    Args:
        columns: the columns of every table that is judged, by the name of its suite, `raw/crm/orders`; of one
            without any, they are not known here.
        taken: the names of the rules that a table has beside those of its file, by the name of its suite.
    """
    if not folder.is_dir():
        yield f"{folder} does not exist: set CKM_PROJECT to the folder that holds expectations/."
        return
    for file in sorted(folder.rglob("*.json")):
        name = file.relative_to(folder).with_suffix("").as_posix()
        if name not in columns:
            yield f"{file} judges nothing, as there is no {name}{did_you_mean(name, columns)}"
            continue
        rules, faults = _read(file)
        every = [*faults, *_faults_of_rules(rules, taken.get(name, ())), *_unknown(rules, columns[name])]
        yield from (f"{file}: {fault}" for fault in every)


def parameters_asked(rules: Iterable[Rule]) -> set[str]:
    """The names of the parameters that rules ask for."""
    return {name for rule in rules for name in asked_by(rule["kwargs"])}


def asked_by(value: Any) -> list[str]:
    """The names of the parameters in a part of a rule."""
    if isinstance(value, dict):
        return [value["$PARAMETER"]] if set(value) == {"$PARAMETER"} else asked_by(list(value.values()))
    return [name for item in value for name in asked_by(item)] if isinstance(value, list) else []


def _read(file: Path) -> tuple[list[Rule], list[str]]:
    """The expectations of a file that are objects, and what is wrong with the file as a whole."""
    try:
        suite = json.loads(file.read_text("utf-8"))
    except UnicodeDecodeError:
        return [], ["it is not UTF-8 text: save it as UTF-8."]
    except json.JSONDecodeError as error:
        return [], [f"line {error.lineno} is no JSON ({error.msg}): correct it, commas and quotes first."]
    rules = suite.get("expectations") if isinstance(suite, dict) else None
    if not isinstance(rules, list):
        return [], ['it has no list expectations: write {"name": …, "expectations": […]}, as GX does.']
    odd = [number for number, rule in enumerate(rules, 1) if not isinstance(rule, dict)]
    faults = [f"expectation {number} is no object: write {{…}} with type, kwargs and meta." for number in odd]
    return [rule for rule in rules if isinstance(rule, dict)], faults


def _faults_of_rules(rules: list[Rule], taken: Collection[str] = ()) -> Iterator[str]:
    """What is wrong with the rules of a file, whatever they judge."""
    seen = set(taken)
    for number, rule in enumerate(rules, 1):
        meta = rule.get("meta")
        name = meta.get("rule") if isinstance(meta, dict) else None
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            yield (
                f"expectation {number} ({rule.get('type')}) has no name: write meta.rule, in small letters, "
                "such as unit_price_is_not_negative."
            )
            continue
        if name in seen:
            yield f"two rules are called {name}: give the second another meta.rule."
        seen.add(name)
        yield from (f"{field} of rule {name} {fault}" for field, fault in _faults_of_rule(rule, meta))


def _faults_of_rule(rule: Rule, meta: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(field, the sentence that begins with it) for what is wrong with one rule that has a name."""
    if meta.get("aspect") not in ASPECTS:
        yield "meta.aspect", f"must be one of {', '.join(ASPECTS)}, not {meta.get('aspect')!r}."
    if not isinstance(rule.get("description"), str) or not rule["description"].strip():
        yield "description", "is missing: write a sentence of the business that says what it guards."
    if rule.get("severity") not in SEVERITIES:
        yield "severity", f"must be critical or warning, not {rule.get('severity')!r}."
    for other in sorted(set(meta) - {"rule", "aspect", "quarantine"}):
        yield f"meta.{other}", f"is not a known field{did_you_mean(other, ('rule', 'aspect', 'quarantine'))}"
    known = list_registered_expectation_implementations()
    if rule.get("type") not in known:
        yield (
            "type",
            f"is no expectation of GX: {rule.get('type')}{did_you_mean(str(rule.get('type')), known)}",
        )
        return
    kind, quarantine = get_expectation_impl(rule["type"]), meta.get("quarantine", False)
    if not isinstance(quarantine, bool):
        yield "meta.quarantine", f"must be true or false, not {quarantine!r}."
    elif quarantine and not issubclass(kind, RowExpectations):
        yield "meta.quarantine", f"must be left out: {rule['type']} judges the table and no row of it."
    kwargs = rule.get("kwargs")
    if not isinstance(kwargs, dict):
        yield "kwargs", 'must be an object: write "kwargs": {…}.'
        return
    fields = kind.__fields__
    for field in sorted(set(kwargs) - set(fields)):
        yield f"kwargs.{field}", f"is not a known field{did_you_mean(field, fields)}"
    for field, spec in fields.items():
        if spec.required and field not in kwargs:
            yield f"kwargs.{field}", f"is missing: {rule['type']} needs it."
    mostly = kwargs.get("mostly", 1)
    is_share = isinstance(mostly, int | float) and not isinstance(mostly, bool) and 0 <= mostly <= 1
    if not is_share and not isinstance(mostly, dict):
        yield "kwargs.mostly", f"must be a share from 0 to 1, such as 0.8, not {mostly!r}."
    yield from _faults_of_code(kwargs)


def _faults_of_code(kwargs: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What DuckDB cannot even read, of a rule's SQL and regular expressions."""
    query, regex = kwargs.get("unexpected_rows_query"), kwargs.get("regex")
    try:
        if isinstance(query, str):
            duckdb.extract_statements(query.replace("{batch}", "batch"))
    except duckdb.Error as error:
        near = re.search(r'at or near "([^"]*)"', str(error))
        where = f"near {near[1]}" if near else "at its end"
        yield "kwargs.unexpected_rows_query", f"is no SQL of DuckDB: correct it {where}."
    try:
        if isinstance(regex, str):
            pc.match_substring_regex(pa.scalar(""), regex)  # RE2, as in DuckDB
    except pa.ArrowInvalid as error:
        why = str(error).removeprefix("Invalid regular expression: ")
        yield "kwargs.regex", f"is no regular expression ({why}): correct it."


def _unknown(rules: Iterable[Rule], columns: Collection[str]) -> Iterator[str]:
    """The columns and parameters of rules that nothing gives."""
    for rule in rules:
        kwargs, meta = rule.get("kwargs"), rule.get("meta")
        if not isinstance(kwargs, dict) or not isinstance(meta, dict):
            continue
        named = [
            (f"kwargs.{key}", kwargs[key]) for key in ("column", "column_A", "column_B") if key in kwargs
        ]
        named += [("kwargs.column_list", column) for column in kwargs.get("column_list", ())]
        for asked in sorted(asked_by(kwargs)):
            if usual.is_asked(asked):
                figures = usual.figures_asked([asked])
                named += [(f"$PARAMETER {asked}", column) for column in chain(*astuple(figures))]
            elif asked not in NIGHT_PARAMETERS and not DAYS_BEFORE.fullmatch(asked):
                given = [*NIGHT_PARAMETERS, *usual.parameters_of(kwargs.get("column"))]
                yield (
                    f"$PARAMETER {asked} of rule {meta.get('rule')} is nothing that the gate gives"
                    f"{did_you_mean(asked, given)}"
                )
        for field, column in named:
            if columns and column not in columns:
                yield (
                    f"{field} of rule {meta.get('rule')} names no column of the table: {column}"
                    f"{did_you_mean(str(column), columns)}"
                )
