"""docker-compose.yml as Docker reads it: merged, and with the values of an .env in it."""

import re
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[2]
FILE = PROJECT / "docker-compose.yml"
VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::(?P<kind>[-?])(?P<rest>[^}]*))?\})")
DOCUMENT: dict[str, Any] = yaml.safe_load(FILE.read_text())


class Missing(Exception):
    """A variable that must be set is not; the message is what the person is told."""


def interpolated(value: Any, values: dict[str, str]) -> Any:
    """`value` with every variable in it replaced; an empty one counts as unset.

    Raises:
        Missing: a variable that must be set is not.
    """
    if isinstance(value, dict):
        return {key: interpolated(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [interpolated(item, values) for item in value]
    if not isinstance(value, str):
        return value

    def one(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        if found := values.get(match["name"]):
            return found
        if match["kind"] == "?":
            raise Missing(match["rest"])
        return match["rest"] or ""

    return VARIABLE.sub(one, value)


def variables(kind: str) -> set[str]:
    """The variables that the file uses with a default (`-`) or must find set (`?`)."""
    text = re.sub(r"(?m)#.*$", "", FILE.read_text())
    return {match["name"] for match in VARIABLE.finditer(text) if match["kind"] == kind}


def example() -> dict[str, str]:
    """What .env.example gives to each name."""
    lines = (PROJECT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def services(values: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The services, each with the values of this .env."""
    return interpolated(DOCUMENT["services"], values)


def image_files() -> list[str]:
    """What of the project goes into the image: .dockerignore keeps out all that it does not name."""
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    return [line[1:] for line in lines if line.startswith("!")]
