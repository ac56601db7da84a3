"""`ckm check`: everything that can be known to be wrong before the night begins."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ckm.contracts import object_contract
from ckm.errors import ConfigurationError, ObjectFailed, safe_reason
from ckm.sources import Sources, load_sources


@dataclass(frozen=True)
class Checked:
    """One object that was found where `sources.yml` says."""

    source: str
    object: str
    place: str
    columns: int


def check(
    sources_file: Path, suites: Path, *, seen_before: Collection[tuple[str, str]] = ()
) -> tuple[Sources, list[Checked]]:
    """Read sources.yml, the contracts and the suites, and look at every place they name.

    Args:
        seen_before: (source, object) that this very sources.yml has loaded before. If one is not as it
            says now, the system has changed and not the file: the night deals with it.

    Raises:
        ConfigurationError: one sentence that names the file and the field.
    """
    sources = load_sources(sources_file)
    from ckm.extract import probe_object  # what is wrong in the file is said before the libraries load
    from ckm.gate.suites import load_suite, night_parameters, with_contract

    found = []
    parameters = night_parameters(date(2000, 1, 1), sources.company)
    for source, spec in sources.sources.items():
        for name in spec.objects:
            suite = load_suite(suites, f"raw/{source}/{name}", parameters)
            with_contract(suite, object_contract(source, name))
            try:
                place, columns = probe_object(sources, source, name)
            except Exception as error:
                if (source, name) in seen_before:
                    continue
                said = (
                    f"{error} {error.hint}" if isinstance(error, ObjectFailed) else f"{safe_reason(error)}."
                )
                where = f"{sources_file}: sources.{source}.objects.{name}"
                raise ConfigurationError(f"{where}: {said.rstrip()}") from error
            found.append(Checked(source, name, place, len(columns)))
    for file in sorted((suites / "marts").glob("*.json")):
        load_suite(suites, f"marts/{file.stem}", parameters)
    return sources, found
