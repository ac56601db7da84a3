"""What the commands of `ckm` have in common: their options, the settings these make, JSON for machines."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ckm.settings import Settings, load_settings

SourcesOption = Annotated[
    Path | None, typer.Option("--sources", help="sources.yml; default $CKM_SOURCES or ./sources.yml.")
]
HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of the warehouse; default $CKM_HOME or ./var.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


def given(sources: Path | None, home: Path | None) -> dict[str, Any]:
    """What the command line says of the settings."""
    return {name: path for name, path in (("sources", sources), ("home", home)) if path is not None}


def settings_of(sources: Path | None, home: Path | None) -> tuple[Settings, Path]:
    """The settings with what the command line gives in their place, and the path of `sources.yml`."""
    settings = load_settings(**given(sources, home))
    return settings, settings.sources


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, default=str))
