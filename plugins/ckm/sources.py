"""`sources.yml`: which of a company's systems hold which canonical objects.

`load_sources` reads and checks the file without touching any system; `ckm.check` goes on to the systems.
"""

import hashlib
import re
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from ckm import strict_yaml
from ckm.contracts import ObjectContract
from ckm.errors import ConfigurationError, did_you_mean
from ckm.fields import (
    PLACES,
    Auth,
    Company,
    FilesSource,
    Frozen,
    Identity,
    ObjectMapping,
    Page,
    RestSource,
    Retention,
    Source,
    SqlSource,
    country_of,
    model_at,
)  # fmt: skip
from ckm.fitting import misfits
from ckm.settings import expand_variables

__all__ = [
    "Auth", "Company", "FilesSource", "Identity", "ObjectMapping", "Page", "RestSource", "Retention", "Source",
    "Sources", "SqlSource", "load_sources", "mapped_columns", "read_sources",
]  # fmt: skip
SECRET_FIELDS = ("auth", "headers", "parameters", "url")
TOP = {
    "company": "{name: Example Shop}",
    "identity": "{decisions: identity_decisions.csv}",
    "retention": "{versions: 5}",
    "sources": "{crm: {transport: files, path: exports, objects: {…}}}",
}


class Sources(Frozen):
    """The whole of `sources.yml`."""

    file: Path = Field(exclude=True)
    company: Company
    retention: Retention = Retention()
    identity: Identity = Field(default=Identity(), validate_default=True)
    sources: dict[str, Source] = Field(min_length=1)
    configuration_hash: str = Field(exclude=True)

    @field_validator("identity")
    @classmethod
    def _complete(cls, identity: Identity, info: ValidationInfo) -> Identity:
        """Paths start at the file; the company's own country is by default that of its time zone."""
        own: dict[str, Any] = {
            name: info.data["file"].parent / path
            for name, path in (("decisions", identity.decisions), ("model", identity.model))
            if path is not None
        }
        if identity.home_country is None and "company" in info.data:
            own["home_country"] = country_of(info.data["company"].time_zone)
        return identity.model_copy(update=own)

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
    sources, faults = read_sources(file)
    if sources is None or faults:
        raise ConfigurationError(faults[0])
    return sources


def read_sources(file: Path) -> tuple[Sources | None, list[str]]:
    """What `sources.yml` says, and a sentence for everything that is wrong with it as far as it can be read.

    None where it says nothing that is complete; what is wrong with one object does not make it so.
    """
    if not file.is_file():
        return None, [f"{file} does not exist: give the path of your sources.yml with --sources."]
    try:
        text = file.read_text("utf-8")
    except UnicodeDecodeError:
        return None, [f"{file} is not UTF-8 text: save it as UTF-8."]
    document, faults = strict_yaml.read(text)
    if faults:
        return None, [f"{file}: {fault}" for fault in faults]
    if not isinstance(document, dict):
        return None, [f"{file} must hold a mapping with the keys company and sources."]
    document = _expanded(document, "", faults)
    own = {"file": file.resolve(), "configuration_hash": hashlib.sha256(text.encode()).hexdigest()[:12]}
    faults += [f"{name} is not a known field{did_you_mean(name, TOP)}" for name in own if name in document]
    sources = None
    try:
        sources = Sources.model_validate(document | own, strict=True)
        faults += misfits(sources)
    except ValidationError as error:
        faults += _sentences(error.errors())
    return sources, [f"{file}: {fault}" for fault in faults]


def _expanded(value: Any, where: str, faults: list[str]) -> Any:
    """A part of the document with its variables filled in; notes those that are not set, which stay as they are."""
    if isinstance(value, dict):
        return {key: _expanded(item, f"{where}.{key}".lstrip("."), faults) for key, item in value.items()}
    if isinstance(value, list):
        return [_expanded(item, where, faults) for item in value]
    try:
        return expand_variables(value, where) if isinstance(value, str) else value
    except ConfigurationError as error:
        faults.append(str(error))
        return value


def _sentences(errors: list[ErrorDetails]) -> list[str]:
    """A sentence for each, but none for a field that is missing because it is misspelt."""
    said = {error["loc"]: _sentence(error) for error in errors}
    meant = {(*place[:-1], sentence.rpartition("did you mean ")[2][:-1]) for place, sentence in said.items()}
    return [s for place, s in said.items() if not (place in meant and " is missing" in s)]


def _sentence(error: ErrorDetails) -> str:
    """Where a field is wrong, how, and what to write instead; never a value that may be a secret."""
    location = tuple(part for part in error["loc"] if part != "[key]")
    place = ".".join(str(part) for part in location if part not in PLACES)
    kind, given = error["type"], error.get("input")
    model = model_at(location[:-1])
    field = str(location[-1]) if location else ""
    if kind == "extra_forbidden":
        return f"{place} is not a known field{did_you_mean(field, model.model_fields if model else TOP)}"
    if kind.startswith("union_tag"):
        tag = given.get("transport") if isinstance(given, dict) else given
        return f"{place}.transport must be files, rest or sql, {f'not {tag!r}' if tag else 'and is missing'}."
    spec = model.model_fields.get(field) if model else None
    example = spec.examples[0] if spec and spec.examples else TOP.get(field) if len(location) == 1 else None
    write = f": write {field}: {example}." if example is not None else "."
    if kind == "missing":
        return f"{place} is missing{write}"
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        return f"{place} must be a mapping{write}"
    if kind == "string_type" and isinstance(given, bool):
        return f"{place}: YAML reads this as {str(given).lower()}; put quotes around it."
    if kind == "value_error":  # our own, which says what to write
        return f"{place}: {error['msg'].removeprefix('Value error, ')}."
    message = re.sub(r"^\w+ should", "must", error["msg"])
    is_secret = any(part in SECRET_FIELDS for part in location)
    shown = "" if is_secret or isinstance(given, dict | list) else f", not {given!r}"
    return f"{place}: {message}{shown}{write}"
