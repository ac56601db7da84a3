"""The rules: a suite file per object and mart, completed by what an object's contract already says.

`expectations/raw/<source>/<object>.json` and `expectations/marts/<mart>.json` are plain GX suites of stock
expectations. Each expectation carries a `description`, a `severity` (critical stops the load, warning does
not) and in `meta`: `rule`, its name, and `quarantine`, true where a broken row is set aside. `mostly` is
the share of rows that must hold for a critical rule not to stop the load.
"""

import json
from datetime import date
from pathlib import Path
from typing import Any

from great_expectations import ExpectationSuite

from ckm.contracts import ObjectContract
from ckm.errors import ConfigurationError
from ckm.extract.window import Window
from ckm.gate.candidates import UNREADABLE, cast_columns
from ckm.sources import Company

UNREADABLE_SHARE_OF_A_RETYPED_COLUMN = 0.5
ONE_CONTENT_PER_KEY = "one_content_per_key"


def night_parameters(night: date, company: Company) -> dict[str, str]:
    """What a suite may ask about the night: its date, and the moment in UTC at which its local day ends."""
    end = Window.until(night, company.zone, None, 0).end
    return {"night": night.isoformat(), "night_end": end.strftime("%Y-%m-%d %H:%M:%S")}


def load_suite(folder: Path, name: str, parameters: dict[str, Any]) -> ExpectationSuite:
    """One suite file with its `{"$PARAMETER": name}` values filled in; an absent file is an empty suite.

    Args:
        folder: `expectations/`.
        name: path below it without ending, `raw/crm/orders`.
        parameters: values by name, from `night_parameters`.

    Raises:
        ConfigurationError: the file is no suite, or uses an unknown expectation, field or parameter.
    """
    file = folder / f"{name}.json"
    suite_name = name.replace("/", ".")
    if not file.is_file():
        return ExpectationSuite(name=suite_name)
    try:
        document = json.loads(file.read_text("utf-8"))
        expectations = [_fill(item, parameters, file) for item in document["expectations"]]
        for item in expectations:
            for field in ("rule",):
                if field not in item.get("meta", {}):
                    raise ConfigurationError(
                        f"{file}: an expectation of type {item.get('type')} has no meta.{field}."
                    )
        return ExpectationSuite(name=suite_name, expectations=expectations, meta=document.get("meta"))
    except ConfigurationError:
        raise
    except (KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{file} is no GX suite: {error} is missing or of the wrong kind."
        ) from error
    except Exception as error:
        raise ConfigurationError(
            f"{file} is no valid GX suite: {' '.join(str(error).split())[:300]}"
        ) from error


def contract_rules(contract: ObjectContract) -> list[dict[str, Any]]:
    """What the contract itself demands of a row: readable cells, required cells, one content per key.

    A column of which more than half the cells are unreadable was retyped: that fails the object, while a
    single bad cell only sets its row aside.
    """
    rules = [
        _row_rule(
            "expect_column_values_to_be_null",
            {"column": column + UNREADABLE, "mostly": 1 - UNREADABLE_SHARE_OF_A_RETYPED_COLUMN},
            rule=f"{column}_is_readable",
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
            description=f"No two rows of one night give the same {' and '.join(contract.key)} different contents.",
        )
    )
    return rules


def rules_beyond_the_row(folder: Path, name: str) -> list[str]:
    """The rules of a suite file whose verdict on a row may change while the row does not.

    These are the rules that ask about the night, and the one that compares a row with its neighbours.
    """
    file = folder / f"{name}.json"
    document = json.loads(file.read_text("utf-8")) if file.is_file() else {"expectations": []}
    asking = [e["meta"]["rule"] for e in document["expectations"] if "$PARAMETER" in json.dumps(e["kwargs"])]
    return [*asking, ONE_CONTENT_PER_KEY]


def with_contract(suite: ExpectationSuite, contract: ObjectContract) -> ExpectationSuite:
    """The suite that judges an object's candidates: the contract's rules first, then the file's."""
    rules = [*contract_rules(contract), *(e.configuration.to_json_dict() for e in suite.expectations)]
    return ExpectationSuite(name=suite.name, expectations=rules, meta=suite.meta)


def _row_rule(
    kind: str, kwargs: dict[str, Any], *, rule: str, description: str, fails_object: bool = False
) -> dict[str, Any]:
    meta = {"rule": rule, "quarantine": True} | ({"fails_object": True} if fails_object else {})
    return {"type": kind, "kwargs": kwargs, "severity": "critical", "description": description, "meta": meta}


def _fill(value: Any, parameters: dict[str, Any], file: Path) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$PARAMETER"}:
            name = value["$PARAMETER"]
            if name not in parameters:
                raise ConfigurationError(
                    f"{file}: parameter {name} is unknown; known are {', '.join(sorted(parameters))}."
                )
            return parameters[name]
        return {key: _fill(item, parameters, file) for key, item in value.items()}
    return [_fill(item, parameters, file) for item in value] if isinstance(value, list) else value
