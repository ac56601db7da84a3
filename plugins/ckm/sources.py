"""`sources.yml`: which of a company's systems hold which canonical objects.

`load_sources` reads and checks the file without touching any system; `ckm.check` goes on to the systems.
"""

import hashlib
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from ckm.contracts import ObjectContract, source_contracts
from ckm.errors import ConfigurationError, did_you_mean
from ckm.fields import (
    PLACES,
    Auth,
    Company,
    FilesSource,
    Frozen,
    ObjectMapping,
    Page,
    RestSource,
    Source,
    SqlSource,
    fields_at,
)  # fmt: skip
from ckm.settings import expand_variables

__all__ = [
    "Auth", "Company", "FilesSource", "ObjectMapping", "Page", "RestSource", "Source", "Sources", "SqlSource",
    "load_sources", "mapped_columns",
]  # fmt: skip
SECRET_FIELDS = ("auth", "headers", "parameters", "url")


class Sources(Frozen):
    """The whole of `sources.yml`."""

    company: Company
    sources: dict[str, Source] = Field(min_length=1)
    file: Path = Field(exclude=True)
    configuration_hash: str = Field(exclude=True)

    def zone_of(self, source: str) -> str:
        """The zone in which a source writes times without an offset."""
        return self.sources[source].time_zone or self.company.time_zone


def mapped_columns(contract: ObjectContract, mapping: ObjectMapping, found: list[str]) -> dict[str, str]:
    """Canonical column → source column, for the columns that the source fills.

    Without `columns`, source columns that bear a canonical name stand for it.
    """
    if mapping.columns is not None:
        return dict(mapping.columns)
    return {name: name for name in contract.columns if name in found and name not in mapping.constants}


def load_sources(file: Path) -> Sources:
    """Read, complete and check `sources.yml` against the contracts.

    Raises:
        ConfigurationError: one sentence that names the file and the field.
    """
    if not file.is_file():
        raise ConfigurationError(f"{file} does not exist: give the path of your sources.yml with --sources.")
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{file} is not UTF-8 text: save it as UTF-8.") from error
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise ConfigurationError(
            f"{file} is not valid YAML{place}: {getattr(error, 'problem', error)}."
        ) from error
    if not isinstance(document, dict):
        raise ConfigurationError(f"{file} must hold a mapping with the keys company and sources.")
    document = _expand(document, str(file))
    for own in ("file", "configuration_hash"):
        if own in document:
            raise ConfigurationError(f"{file}: {own} is not a known field.")
    try:
        sources = Sources.model_validate(
            document
            | {"file": file.resolve(), "configuration_hash": hashlib.sha256(text.encode()).hexdigest()[:12]},
            strict=True,
        )
    except ValidationError as error:
        raise ConfigurationError(f"{file}: {_sentence(error)}") from error
    _check_against_contracts(sources, file)
    return sources


def _check_against_contracts(sources: Sources, file: Path) -> None:
    contracts = source_contracts()
    for source_name, source in sources.sources.items():
        where = f"sources.{source_name}"
        if source_name not in contracts:
            raise ConfigurationError(
                f"{file}: {where} is no known source{did_you_mean(source_name, contracts)}"
            )
        objects = contracts[source_name].objects
        for object_name, mapping in source.objects.items():
            at = f"{where}.objects.{object_name}"
            if object_name not in objects:
                raise ConfigurationError(
                    f"{file}: {at} is no object of {source_name}{did_you_mean(object_name, objects)}"
                )
            contract = objects[object_name]
            for part, names in (("columns", mapping.columns or {}), ("constants", mapping.constants)):
                for name in names:
                    if name not in contract.columns:
                        raise ConfigurationError(
                            f"{file}: {at}.{part}.{name} is no column of {source_name}.{object_name}"
                            f"{did_you_mean(name, contract.columns)}"
                        )
            both = set(mapping.columns or {}) & set(mapping.constants)
            if both:
                raise ConfigurationError(
                    f"{file}: {at}: {min(both)} is both in columns and in constants; keep one."
                )
            if mapping.columns is not None:
                for name, column in contract.columns.items():
                    if column.required and name not in mapping.columns and name not in mapping.constants:
                        raise ConfigurationError(
                            f"{file}: {at}.columns lacks {name}, which {source_name}.{object_name} requires."
                        )


def _expand(value: Any, where: str) -> Any:
    if isinstance(value, dict):
        return {
            key: _expand(item, f"{where}: {key}" if ": " not in where else f"{where}.{key}")
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_expand(item, where) for item in value]
    return expand_variables(value, where) if isinstance(value, str) else value


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in PLACES)
    kind, given = first["type"], first.get("input")
    if kind == "extra_forbidden":
        known = fields_at(first["loc"][:-1])
        return (
            f"{place} is not a known field{did_you_mean(str(first['loc'][-1]), known)}"
            if known
            else (f"{place} is not a known field.")
        )
    if kind == "missing":
        return f"{place} is missing."
    if kind.startswith("union_tag"):
        tag = given.get("transport") if isinstance(given, dict) else given
        return f"{place}.transport must be files, rest or sql, {f'not {tag!r}' if tag else 'and is missing'}."
    message = first["msg"].removeprefix("Value error, ")
    if kind == "string_type" and isinstance(given, bool):
        return f"{place}: YAML reads this as {str(given).lower()}; put quotes around it."
    is_secret = any(part in SECRET_FIELDS for part in first["loc"])
    is_said = isinstance(given, dict | list) or kind == "value_error"
    shown = "" if is_secret or is_said else f", not {given!r}"
    message = message[0].lower() + message[1:] if message.startswith("Input") else message
    return f"{place}: {message.replace('input should be', 'must be')}{shown}."
