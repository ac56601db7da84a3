"""What may stand in `sources.yml`: its fields, their types and their defaults."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from ckm.errors import did_you_mean

# The fields that say where an object is found, and those that say how to read it there, by transport.
PLACES = {"files": ("file", "query"), "rest": ("endpoint",), "sql": ("table", "query")}
MANNERS = {
    "files": ("delimiter", "encoding", "sheet"),
    "rest": ("records", "updated_since", "parameters", "page"),
    "sql": (),
}
# The fields that a style of paging needs, and those that it can use beside them.
PAGING: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "single": ((), ()),
    "number": (("parameter",), ("size_parameter", "size", "first", "total")),
    "offset": (("parameter", "size_parameter", "size"), ("first", "total")),
    "cursor": (("parameter", "next"), ("size_parameter", "size")),
    "link": (("next",), ("size_parameter", "size")),
    "header": ((), ("size_parameter", "size")),
}
CREDENTIALS = (
    ("token",),
    ("user", "password"),
    ("header", "key"),
    ("token_url", "client_id", "client_secret"),
)


class Frozen(BaseModel):
    """A part of the file: nothing in it goes by unread, nothing is converted, nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Company(Frozen):
    """What is true of the whole company, whatever the source."""

    name: str = Field(examples=["Example Shop"])
    time_zone: str = Field(default="UTC", examples=["Europe/Berlin"])
    reporting_currency: str = Field(default="EUR", pattern=r"^[A-Z]{3}$", examples=["EUR"])
    week_start: Literal["monday", "saturday", "sunday"] = "monday"
    fiscal_year_start_month: int = Field(default=1, ge=1, le=12, examples=[4])
    customer_type: Literal["person", "company"] = "person"
    zero_value_orders: Literal["ignored", "counted"] = "ignored"
    annual_discount_rate: float = Field(default=0.10, ge=0, lt=1, strict=False, examples=[0.08])
    churn_save_cost: float = Field(default=5.0, ge=0, strict=False, examples=[12.5])
    churn_save_rate: float = Field(default=0.20, gt=0, le=1, strict=False, examples=[0.15])

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        return _checked_zone(zone)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class Retention(Frozen):
    """How long what a night leaves is kept: counts, or days before the night; null keeps it for good."""

    versions: int = Field(default=5, ge=2, examples=[5])
    audit_days: int = Field(default=400, ge=1, examples=[400])
    quarantine_days: int | None = Field(default=None, ge=1, examples=[730])
    raw_days: int | None = Field(default=None, ge=1, examples=[1830])
    log_days: int = Field(default=30, ge=1, examples=[30])


class Identity(Frozen):
    """Who is who: what the matching of records is told; `ckm.sources` fills in the company's own country."""

    decisions: Path | None = Field(default=None, examples=["identity_decisions.csv"])
    model: Path | None = Field(default=None, examples=["identity_model.json"])
    precision: float = Field(default=0.995, ge=0.9, lt=1, strict=False, examples=[0.995])
    home_country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$", examples=["DE"])

    @field_validator("decisions", "model", mode="before")
    @classmethod
    def _path(cls, path: object) -> object:
        return Path(path) if isinstance(path, str) else path


class Page(Frozen):
    """How an API cuts an endpoint's records into pages; `next` and `total` are JSON paths in a page's body."""

    style: Literal["single", "number", "offset", "cursor", "link", "header"] = "single"
    parameter: str | None = Field(default=None, examples=["page"])
    size_parameter: str | None = Field(default=None, examples=["page_size"])
    size: int | None = Field(default=None, ge=1, examples=[500])
    first: int | None = Field(default=None, ge=0, examples=[1])
    next: str | None = Field(default=None, examples=["paging.next"])
    total: str | None = Field(default=None, examples=["paging.total"])

    @model_validator(mode="after")
    def _fits_style(self) -> "Page":
        needed, possible = PAGING[self.style]
        given = self.model_fields_set - {"style"}
        for name in needed:
            if name not in given:
                raise ValueError(f"style {self.style} needs {name}")
        for name in sorted(given - {*needed, *possible}):
            raise ValueError(f"style {self.style} has no {name}")
        if (self.size is None) != (self.size_parameter is None):
            raise ValueError("size and size_parameter go together")
        return self


class ObjectMapping(Frozen):
    """Where one canonical object is found in a system and how its columns are called there."""

    file: str | None = Field(default=None, examples=["orders_*.csv"])
    table: str | None = Field(default=None, examples=["sales.orders"])
    query: str | None = Field(default=None, examples=["select … from …"])
    endpoint: str | None = Field(default=None, examples=["complaints"])
    columns: dict[str, str] | None = Field(default=None, examples=["{order_id: order_no}"])
    constants: dict[str, str | int | float | bool] = Field(
        default_factory=dict, examples=["{currency_code: EUR}"]
    )
    delimiter: str | None = Field(default=None, min_length=1, max_length=1, examples=["';'"])
    encoding: str = Field(default="utf-8", examples=["cp1252"])
    sheet: str | None = Field(default=None, examples=["Orders"])
    records: str | None = Field(default=None, examples=["data"])
    updated_since: str | None = Field(default=None, examples=["changed_after"])
    parameters: dict[str, str | int | float | bool] = Field(default_factory=dict, examples=["{status: all}"])
    page: Page = Field(default=Page(), examples=["{style: number, parameter: page}"])
    snapshot: bool = Field(default=False, examples=["true"])
    purged: bool = Field(default=False, examples=["true"])
    required: bool = Field(default=False, examples=["true"])
    max_staleness_days: int | None = Field(default=None, ge=0, examples=[3])

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str) -> str:
        try:
            "\n".encode(encoding)
        except (LookupError, UnicodeError):
            raise ValueError(
                f"{encoding!r} is no encoding of text; utf-8, utf-16, cp1252 and gb18030 are some"
            ) from None
        return encoding


class _Source(Frozen):
    time_zone: str | None = Field(default=None, examples=["Europe/Berlin"])
    lag_days: int = Field(default=2, ge=0, le=366, examples=[2])
    full_comparison_days: int = Field(default=7, ge=0, examples=[7])
    objects: dict[str, ObjectMapping] = Field(min_length=1, examples=["{orders: {…}}"])

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        return None if zone is None else _checked_zone(zone)


class FilesSource(_Source):
    """Files in a folder; `file` is a name or a glob, `query` is DuckDB's SQL over the folder's files."""

    transport: Literal["files"]
    path: str = Field(examples=["exports"])


class SqlSource(_Source):
    """A database that SQLAlchemy reaches; `query` is that database's own SQL."""

    transport: Literal["sql"]
    url: str = Field(examples=["postgresql://reader:${PASSWORD}@host/database"])

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


class Auth(Frozen):
    """What an API wants to see: a fixed token, a name and password, a key in a header, or OAuth2's client
    credentials, for which a token is fetched and renewed."""

    token: SecretStr | None = None
    user: str | None = None
    password: SecretStr | None = None
    header: str | None = None
    key: SecretStr | None = None
    token_url: str | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "Auth":
        if self.model_fields_set not in [set(fields) for fields in CREDENTIALS]:
            kinds = "; ".join(", ".join(fields) for fields in CREDENTIALS)
            raise ValueError(f"needs the fields of exactly one kind: {kinds}")
        if self.token_url is not None:
            _checked_address(self.token_url)
        return self


class RestSource(_Source):
    """A JSON API; `endpoint` is a path under `url`."""

    transport: Literal["rest"]
    url: str = Field(examples=["https://api.example.com/v1/"])
    auth: Auth | None = Field(default=None, examples=['{token: "${API_TOKEN}"}'])
    headers: dict[str, str] = Field(default_factory=dict, examples=["{Accept-Language: en}"])
    attempts: int = Field(default=5, ge=1, le=20, examples=[5])
    timeout_seconds: float = Field(default=60, gt=0, strict=False, examples=[60])
    backoff_seconds: float = Field(default=1, ge=0, strict=False, examples=[1])

    @field_validator("url")
    @classmethod
    def _known_address(cls, url: str) -> str:
        return _checked_address(url)


Source = Annotated[FilesSource | RestSource | SqlSource, Field(discriminator="transport")]


def model_at(location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model at a place in the file, where pydantic found something wrong; None at the top and in a mapping
    whose keys are not ours."""
    by_transport = {"files": FilesSource, "rest": RestSource, "sql": SqlSource}
    match location:
        case ("company",):
            return Company
        case ("retention",):
            return Retention
        case ("identity",):
            return Identity
        case (*_, "page"):
            return Page
        case (*_, "auth"):
            return Auth
        case (_, _, _, "objects", _):
            return ObjectMapping
        case (_, _, transport):
            return by_transport[transport]
        case _:
            return None


@cache
def country_of(zone: str) -> str | None:
    """ISO 3166 alpha-2 code of the country that a time zone is named after; None for UTC and its like."""
    rows = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8").splitlines()
    countries = {row.split("\t")[2]: row[:2] for row in rows if not row.startswith("#")}
    return countries.get(zone)


def _checked_zone(zone: str) -> str:
    if zone not in available_timezones():
        raise ValueError(f"{zone!r} is no time zone{did_you_mean(zone, available_timezones())}"[:-1])
    return zone


def _checked_address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address like https://api.example.com/v1/")
    if parts.username or parts.password:
        raise ValueError("must hold no user or password: put them into auth")
    return url
