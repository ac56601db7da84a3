"""One run of one night, as it is told from step to step."""

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ckm.home import Home
from ckm.sources import Sources, load_sources


@dataclass(frozen=True)
class Night:
    """One run of one night: all that a step must be told. Serialises to JSON for the scheduler."""

    run_id: str
    as_of_date: date
    sources_file: Path
    home_folder: Path
    project: Path
    full_refresh: bool
    extracts: bool
    accept: tuple[str, ...] = ()

    @property
    def home(self) -> Home:
        return Home(self.home_folder)

    @property
    def suites(self) -> Path:
        return self.project / "expectations"

    @property
    def landing(self) -> Path:
        return self.home.landing(self.run_id)

    @property
    def step_records(self) -> Path:
        """Where a step that must not open the warehouse leaves its record."""
        return self.landing / "steps"

    def sources(self) -> Sources:
        return load_sources(self.sources_file)

    def to_json(self) -> dict[str, Any]:
        return {
            name: value.isoformat()
            if isinstance(value, date)
            else str(value)
            if isinstance(value, Path)
            else value
            for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Night":
        paths = {name: Path(values[name]) for name in ("sources_file", "home_folder", "project")}
        accept = tuple(values["accept"])
        return cls(
            **{**values, **paths, "as_of_date": date.fromisoformat(values["as_of_date"]), "accept": accept}
        )
