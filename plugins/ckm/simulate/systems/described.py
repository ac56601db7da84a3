"""How one system names an object: what stands between the canonical rows and the system's own."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Described:
    """One object of one system.

    `place` is a table, an endpoint or a file name; in a file name `*` stands for the month of the row's last
    change. `columns` is canonical column → the system's column, `constants` are values of canonical columns
    that the system lacks, and `unmapped` are columns of the system's own that no one maps. `settings` are
    further fields of the object in `sources.yml`.
    """

    place: str
    columns: dict[str, str]
    constants: dict[str, str] = field(default_factory=dict)
    unmapped: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


def columns(pairs: str) -> dict[str, str]:
    """'canonical:Own canonical:Own' as a dict."""
    return dict(pair.split(":") for pair in pairs.split())
