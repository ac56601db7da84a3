"""The suites under `expectations/`: does every rule say what it must, and does GX take it?"""

import difflib
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from ckm import strict_yaml
from ckm.contracts import source_contracts
from ckm.errors import ConfigurationError
from ckm.fields import Company


def suite_faults(suites: Path) -> Iterator[str]:
    """Everything that is wrong with the suite files, the last of it what only GX knows."""
    from ckm.gate.suite_files import suite_faults as faults_of_files  # GX takes seconds to load

    columns = {
        f"raw/{source}/{name}": list(contract.columns)
        for source, spec in source_contracts().items()
        for name, contract in spec.objects.items()
    }
    marts = _columns_of_marts(suites.parent / "dbt_project")
    columns |= {f"marts/{mart}": names for mart, names in marts.items()} | {"audit/load_ledger": []}
    faults = list(faults_of_files(suites, columns, _of_contracts()))
    yield from faults
    if not faults:
        yield from _refused_by_gx(suites)


def demand_rules(suites: Path, named: Iterable[str]) -> None:
    """Raise ConfigurationError where a name is not that of a rule."""
    rules = set(_rule_names(suites))
    for name in named:
        if name not in rules:
            alike = difflib.get_close_matches(name, rules, n=1, cutoff=0.6)
            meant = f"; did you mean {alike[0]}?" if alike else "; gates.html and the alert name it."
            raise ConfigurationError(
                f"--accept {name} is no rule: give it as source.object.rule or marts.mart.rule{meant}"
            )


def _rule_names(suites: Path) -> Iterator[str]:
    """Every rule as `--accept` takes it, those of the contracts among them."""
    from ckm.gate.suite_files import read_rules

    for name, rules in _of_contracts().items():
        yield from (f"{_place(name)}.{rule}" for rule in rules)
    for name in _names(suites):
        yield from (f"{_place(name)}.{rule['meta']['rule']}" for rule in read_rules(suites, name))


def _names(suites: Path) -> list[str]:
    """The suites by their names, `raw/crm/orders`."""
    return sorted(file.relative_to(suites).with_suffix("").as_posix() for file in suites.rglob("*.json"))


def _place(name: str) -> str:
    """A suite's name as rules have it, `crm.orders`."""
    return name.removeprefix("raw/").replace("/", ".")


def _of_contracts() -> dict[str, list[str]]:
    """The names of the rules that contracts themselves make, by the name of the object's suite."""
    from ckm.gate.suites import contract_rules

    return {
        f"raw/{source}/{name}": [r["meta"]["rule"] for r in contract_rules(contract, source, spec.objects)]
        for source, spec in source_contracts().items()
        for name, contract in spec.objects.items()
    }


def _columns_of_marts(dbt_project: Path) -> dict[str, list[str]]:
    models = [
        model
        for file in sorted((dbt_project / "models" / "marts").glob("*__models.yml"))
        for model in strict_yaml.read(file.read_text("utf-8"))[0].get("models", [])
    ]
    return {model["name"]: [column["name"] for column in model["columns"]] for model in models}


def _refused_by_gx(suites: Path) -> Iterator[str]:
    """Make each suite as a night would, with some value for every parameter."""
    from ckm.gate import usual
    from ckm.gate.suite_files import parameters_asked, read_rules
    from ckm.gate.suites import night_parameters, suite_of

    for name in _names(suites):
        rules = read_rules(suites, name)
        asked = parameters_asked(rules)
        some = {parameter: usual.example(parameter) for parameter in asked if usual.is_asked(parameter)}
        night = night_parameters(asked, date(2000, 1, 1), Company(name="any"))
        for rule in rules:
            try:
                suite_of(suites, name, [rule], night | some)
            except ConfigurationError as error:
                why = str(error).rpartition("is no valid GX suite: ")[2]
                yield f"{suites / name}.json: rule {rule['meta']['rule']} is refused by GX ({why}): correct its kwargs."
