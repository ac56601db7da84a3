"""`ckm check`: everything that can be known to be wrong before the night begins.

    environment → sources.yml → suites → the systems → the home and its disk

Each place has a function that yields what it finds there. The command lists all of it; a night, which looks at the
home by itself, ends with the first.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ckm.check.home import home_faults
from ckm.check.suites import suite_faults
from ckm.check.systems import Checked, look_at
from ckm.errors import CkmError, ConfigurationError
from ckm.settings import half_given, read_settings
from ckm.sources import Sources, load_sources, read_sources

__all__ = ["Checked", "Looked", "check", "look_everywhere"]


@dataclass
class Looked:
    """What was found, and everything that is wrong, in the order in which it was looked at."""

    file: Path
    found: list[Checked] = field(default_factory=list)
    wrong: list[CkmError] = field(default_factory=list)


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
    for fault in suite_faults(suites):
        raise ConfigurationError(fault)
    found = []
    for one in look_at(sources, sources_file, seen_before):
        if isinstance(one, CkmError):
            raise one
        found.append(one)
    return sources, found


def look_everywhere(**given: Any) -> Looked:
    """Look at all that a night needs, as far as it can be reached, and load nothing.

    Args:
        given: settings of the command line, which stand in place of the environment's.
    """
    settings, faults = read_settings(**given)
    looked = Looked(settings.sources)
    sources, of_file = read_sources(settings.sources)
    every = [*faults, *half_given(settings), *of_file, *suite_faults(settings.expectations)]
    looked.wrong += map(ConfigurationError, every)
    for one in look_at(sources, settings.sources) if sources and not of_file else ():
        (looked.wrong if isinstance(one, CkmError) else looked.found).append(one)
    looked.wrong += home_faults(settings)
    return looked
