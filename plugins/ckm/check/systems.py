"""The systems that `sources.yml` names: is every object where it says?"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from ckm.errors import CkmError, ConfigurationError, ObjectFailed, SourceDown, safe_reason
from ckm.fields import ObjectMapping
from ckm.sources import Sources


@dataclass(frozen=True)
class Checked:
    """One object that was found where `sources.yml` says."""

    source: str
    object: str
    place: str
    columns: int


def look_at(
    sources: Sources, sources_file: Path, seen_before: Collection[tuple[str, str]] | None = None
) -> Iterator[Checked | CkmError]:
    """What stands at each object's place, or what is wrong there; of a source that does not answer at all, only the
    first object is looked at.

    Args:
        seen_before: see `check`.
    """
    from ckm.extract import probe_object

    for source, spec in sources.sources.items():
        for name, mapping in spec.objects.items():
            try:
                place, columns = probe_object(sources, source, name)
            except Exception as error:
                if seen_before is None or not (
                    isinstance(error, SourceDown) or (source, name) in seen_before
                ):
                    where = f"{sources_file}: sources.{source}.objects.{name}"
                    yield ConfigurationError(f"{where}: {_said(error, spec.transport, mapping)}")
                if isinstance(error, SourceDown) and error.reaches_nothing:
                    break
            else:
                yield Checked(source, name, place, len(columns))


def _said(error: Exception, transport: str, mapping: ObjectMapping) -> str:
    """What is wrong and what to do: what the failure itself says of it, else which field to look at."""
    place = {"files": "path or file", "rest": "url, endpoint, records or page", "sql": "url or table"}
    sentence = str(error) if isinstance(error, ObjectFailed) else f"{safe_reason(error)}."
    if isinstance(error, SourceDown):
        return f"{sentence} Start it, or correct url."
    if isinstance(error, ObjectFailed) and error.hint:
        return f"{sentence} {error.hint}"
    if isinstance(error, ObjectFailed) and error.refused:
        return f"{sentence} Mend the file, or what is said here of how to read it."
    return f"{sentence} Correct {'query' if mapping.query else place[transport]}."
