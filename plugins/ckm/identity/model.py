"""The match weights as a file: Splink's settings with their trained parameters, and what they were trained on.

A model is versioned and changes only by training, an explicit act. The shares of names (`term_frequency`) belong to
a home and not to the file: they are taken once, when a model is taken into use.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from ckm.errors import ConfigurationError

FORMAT = 1


@dataclass(frozen=True)
class Model:
    """A trained model of record linkage."""

    version: str
    trained_on: str
    """Date, as ISO text."""
    seed: int
    records: int
    """Records it was trained on."""
    settings: Mapping[str, Any]
    """Splink's settings with m and u probabilities."""
    format: int = FORMAT

    def write(self, file: Path) -> None:
        file.write_text(
            json.dumps(asdict(self), indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8"
        )


def read(file: Path) -> Model:
    """A model from its file.

    Raises:
        ConfigurationError: the file is none that this release can read.
    """
    return _model(file.read_text("utf-8"), str(file))


def default() -> Model:
    """The model that comes with the package, trained on simulated companies, so that a first night needs none."""
    return _model(
        files("ckm.identity").joinpath("default_model.json").read_text("utf-8"), "default_model.json"
    )


def _model(text: str, name: str) -> Model:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{name} is no model file ({error}): write one by training.") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{name} is no model file: write one by training.")
    if content.get("format") != FORMAT:
        raise ConfigurationError(
            f"{name} is a model of format {content.get('format')}, this release reads {FORMAT}: train again."
        )
    return Model(**content)
