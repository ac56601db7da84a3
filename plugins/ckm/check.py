"""`ckm check`: everything that can be known to be wrong before the night begins."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ckm.contracts import object_contract
from ckm.errors import ConfigurationError, ObjectFailed, SourceDown, safe_reason
from ckm.sources import Sources, load_sources


@dataclass(frozen=True)
class Checked:
    """One object that was found where `sources.yml` says."""

    source: str
    object: str
    place: str
    columns: int


def check(
    sources_file: Path, suites: Path, *, seen_before: Collection[tuple[str, str]] | None = None
) -> tuple[Sources, list[Checked]]:
    """Read sources.yml, the contracts and the suites, and look at every place they name.

    Args:
        seen_before: what a night says: (source, object) that this very sources.yml has loaded before. If one
            is not as it says now, the system has changed and not the file, and a system that does not answer
            says nothing of the file either: the night deals with both. None says of them all.

    Raises:
        ConfigurationError: one sentence that names the file and the field.
    """
    sources = load_sources(sources_file)
    from ckm.gate.suites import contract_rules  # the file is judged before these load

    found = []
    for source, spec in sources.sources.items():
        for name in spec.objects:
            rules = contract_rules(object_contract(source, name), source, spec.objects)
            _try(suites, f"raw/{source}/{name}", rules, sources)
        found += _look(sources_file, sources, source, seen_before)
    for file in sorted((suites / "marts").glob("*.json")):
        _try(suites, f"marts/{file.stem}", [], sources)
    return sources, found


def _try(suites: Path, name: str, before: list[dict[str, Any]], sources: Sources) -> None:
    """Make a suite as a night would, with some value for every parameter."""
    from ckm.gate import usual
    from ckm.gate.suite_files import parameters_asked, read_rules
    from ckm.gate.suites import night_parameters, suite_of

    rules = read_rules(suites, name)
    asked = parameters_asked(rules)
    some = {parameter: usual.example(parameter) for parameter in asked if usual.is_asked(parameter)}
    suite_of(
        suites, name, [*before, *rules], night_parameters(asked, date(2000, 1, 1), sources.company) | some
    )


def _look(
    sources_file: Path, sources: Sources, source: str, seen_before: Collection[tuple[str, str]] | None
) -> list[Checked]:
    """The objects of one source; of one that is not there at all, only the first is looked at."""
    from ckm.extract import probe_object

    found = []
    for name in sources.sources[source].objects:
        try:
            place, columns = probe_object(sources, source, name)
        except Exception as error:
            if seen_before is None or not (isinstance(error, SourceDown) or (source, name) in seen_before):
                said = (
                    f"{error} {error.hint}" if isinstance(error, ObjectFailed) else f"{safe_reason(error)}."
                )
                where = f"{sources_file}: sources.{source}.objects.{name}"
                raise ConfigurationError(f"{where}: {said.rstrip()}") from error
            if isinstance(error, SourceDown) and error.reaches_nothing:
                break
        else:
            found.append(Checked(source, name, place, len(columns)))
    return found
