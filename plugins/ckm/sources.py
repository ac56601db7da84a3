"""`sources.yml`: which of a company's systems hold which canonical objects.

`load_sources` reads and checks the file without touching any system; `ckm.check` goes on to the systems.
"""

import difflib
import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

import sqlalchemy as sa
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ckm.contracts import ObjectContract, source_contracts
from ckm.errors import ConfigurationError
from ckm.settings import expand_variables


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Company(_Frozen):
    """What is true of the whole company, whatever the source."""

    name: str
    time_zone: str = "UTC"
    reporting_currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$")
    week_start: Literal["monday", "saturday", "sunday"] = "monday"
    fiscal_year_start_month: int = Field(default=1, ge=1, le=12)
    customer_type: Literal["person", "company"] = "person"
    zero_value_orders: Literal["ignored", "counted"] = "ignored"
    annual_discount_rate: float = Field(default=0.10, ge=0, lt=1, strict=False)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        return _checked_zone(zone)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class ObjectMapping(_Frozen):
    """Where one canonical object is found in a system and how its columns are called there."""

    file: str | None = None
    table: str | None = None
    query: str | None = None
    columns: dict[str, str] | None = None
    constants: dict[str, str | int | float | bool] = Field(default_factory=dict)
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    encoding: str = "utf-8"
    sheet: str | None = None
    snapshot: bool = False
    required: bool = False
    max_staleness_days: int | None = Field(default=None, ge=0)


class _Source(_Frozen):
    time_zone: str | None = None
    lag_days: int = Field(default=2, ge=0, le=366)
    objects: dict[str, ObjectMapping] = Field(min_length=1)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        return None if zone is None else _checked_zone(zone)


class FilesSource(_Source):
    """Files in a folder; `file` is a name or a glob, `query` is DuckDB's SQL over the folder's files."""

    transport: Literal["files"]
    path: str

    @model_validator(mode="after")
    def _one_place(self) -> "FilesSource":
        for name, mapping in self.objects.items():
            _exactly_one(name, mapping, ("file", "query"))
        return self


class SqlSource(_Source):
    """A database that SQLAlchemy reaches; `query` is that database's own SQL."""

    transport: Literal["sql"]
    url: str

    @field_validator("url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        try:
            sa.make_url(url).get_dialect()
        except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as error:
            raise ValueError(
                "must be a SQLAlchemy address like postgresql://user:password@host/database"
            ) from error
        return url

    @model_validator(mode="after")
    def _one_place(self) -> "SqlSource":
        for name, mapping in self.objects.items():
            _exactly_one(name, mapping, ("table", "query"))
        return self


Source = Annotated[FilesSource | SqlSource, Field(discriminator="transport")]


class Sources(_Frozen):
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
                f"{file}: {where} is no known source{_did_you_mean(source_name, contracts)}"
            )
        objects = contracts[source_name].objects
        for object_name, mapping in source.objects.items():
            at = f"{where}.objects.{object_name}"
            if object_name not in objects:
                raise ConfigurationError(
                    f"{file}: {at} is no object of {source_name}{_did_you_mean(object_name, objects)}"
                )
            contract = objects[object_name]
            for part, names in (("columns", mapping.columns or {}), ("constants", mapping.constants)):
                for name in names:
                    if name not in contract.columns:
                        raise ConfigurationError(
                            f"{file}: {at}.{part}.{name} is no column of {source_name}.{object_name}"
                            f"{_did_you_mean(name, contract.columns)}"
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


def _exactly_one(name: str, mapping: ObjectMapping, places: tuple[str, str]) -> None:
    given = [place for place in ("file", "table", "query") if getattr(mapping, place) is not None]
    if len(given) != 1 or given[0] not in places:
        raise ValueError(f"objects.{name} needs exactly one of {places[0]} and {places[1]}")


def _checked_zone(zone: str) -> str:
    if zone not in available_timezones():
        raise ValueError(f"{zone!r} is no time zone{_did_you_mean(zone, available_timezones())}"[:-1])
    return zone


def _did_you_mean(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; known are {', '.join(sorted(known)[:20])}."


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("files", "sql"))
    kind, given = first["type"], first.get("input")
    if kind == "extra_forbidden":
        known = _fields_at(first["loc"][:-1])
        return (
            f"{place} is not a known field{_did_you_mean(str(first['loc'][-1]), known)}"
            if known
            else (f"{place} is not a known field.")
        )
    if kind == "missing":
        return f"{place} is missing."
    if kind.startswith("union_tag"):
        tag = given.get("transport") if isinstance(given, dict) else given
        return f"{place}.transport must be files or sql, {f'not {tag!r}' if tag else 'and is missing'}."
    message = first["msg"].removeprefix("Value error, ")
    if kind == "string_type" and isinstance(given, bool):
        return f"{place}: YAML reads this as {str(given).lower()}; put quotes around it."
    shown = "" if isinstance(given, dict | list) or kind == "value_error" else f", not {given!r}"
    message = message[0].lower() + message[1:] if message.startswith("Input") else message
    return f"{place}: {message.replace('input should be', 'must be')}{shown}."


def _fields_at(location: tuple[int | str, ...]) -> list[str]:
    """The field names of the model at a place in the file."""
    match len(location), location[0] if location else None:
        case 0, _:
            return ["company", "sources"]
        case 1, "company":
            return list(Company.model_fields)
        case _ if "objects" in location:
            return list(ObjectMapping.model_fields)
        case _:
            return list((SqlSource if "sql" in location else FilesSource).model_fields)
