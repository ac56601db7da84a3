"""What the environment decides: the only module that reads it.

A scheduler that keeps secrets of its own offers them with `look_up_also`; the environment goes first.
"""

import difflib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from ckm.errors import ConfigurationError

# Nothing this product runs reports to anybody, and libraries log errors only; whoever wants otherwise
# sets the variable before.
TOOL_DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",  # dlt would look for every setting in Airflow's database
    "GX_ANALYTICS_ENABLED": "false",
    "TQDM_DISABLE": "1",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "false",
    "OPENBLAS_NUM_THREADS": "1",  # models are small: threads that wait for each other took twenty times the work
}

SHORTEST_SECRET = 16  # characters
KEPT_IN_VAULTS = ("secret", "alert_webhook", "smtp_url", "alert_email_from", "alert_email_to")


def set_tool_defaults() -> None:
    """Switch off the telemetry and chatter of dlt, dbt, GX and Airflow; call before importing any of them."""
    for name, value in TOOL_DEFAULTS.items():
        os.environ.setdefault(name, value)


@dataclass(frozen=True)
class Vault:
    """Another place that keeps values: what messages call it, and a look-up that finds nothing with None."""

    name: str
    find: Callable[[str], str | None]


_vaults: dict[str, Vault] = {}


def look_up_also(vault: Vault) -> None:
    """From now on look in `vault` for what the environment does not hold."""
    _vaults[vault.name] = vault


def _find(name: str) -> str | None:
    """A variable of the environment, else what a vault holds under its name."""
    return os.environ[name] if name in os.environ else _find_in_vaults(name)


def _find_in_vaults(name: str) -> str | None:
    return next((found for vault in _vaults.values() if (found := vault.find(name)) is not None), None)


class Settings(BaseSettings):
    """Places and secrets; each field is the environment variable `CKM_<FIELD>`, and an empty one is unset."""

    model_config = SettingsConfigDict(env_prefix="CKM_", env_ignore_empty=True, frozen=True)

    home: Path = Path("var")
    sources: Path = Path("sources.yml")
    secret: str | None = Field(default=None, min_length=SHORTEST_SECRET)
    first_night: date | None = None
    published_by: time | None = None
    site_url: str | None = Field(default=None, pattern=r"^https?://")
    memory_limit: str | None = Field(default=None, pattern=r"^[0-9.]+ ?[KMGTkmgt]i?[Bb]$")
    threads: int | None = Field(default=None, ge=1)
    alert_webhook: SecretStr | None = None
    smtp_url: SecretStr | None = None
    alert_email_from: str | None = Field(default=None, pattern="@")
    alert_email_to: str | None = Field(default=None, pattern="@")
    project: Path = Path(__file__).resolve().parents[2]

    @field_validator("first_night", "published_by", mode="before")
    @classmethod
    def _is_written_out(cls, value: Any) -> Any:
        if isinstance(value, str) and value.isdigit():  # pydantic would take it for seconds
            raise ValueError("it is a mere number")
        return value

    @field_validator("alert_webhook", "smtp_url")
    @classmethod
    def _is_an_address(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None:
            return None
        schemes = ("http", "https") if info.field_name == "alert_webhook" else ("smtp", "smtps")
        try:
            place = urlsplit(value.get_secret_value())
            is_sound = place.scheme in schemes and place.hostname and place.port != 0
        except ValueError:  # its text quotes what may be half a password
            is_sound = False
        if not is_sound:
            raise ValueError(f"it must begin with {schemes[0]}:// or {schemes[1]}:// and name a host")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given goes first, then the environment, then, for what is secret, the vaults."""
        variables = {field: f"CKM_{field.upper()}" for field in KEPT_IN_VAULTS}
        kept = {f: _find_in_vaults(name) for f, name in variables.items() if not os.environ.get(name)}
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=kept)

    @property
    def dbt_project(self) -> Path:
        return self.project / "dbt_project"

    @property
    def expectations(self) -> Path:
        return self.project / "expectations"


# What to write where a variable is not what it should be; the value itself, maybe a secret, is never shown.
REMEDIES = {
    "secret": f"give it {SHORTEST_SECRET} characters or more, or leave it out and the home makes a key of its own",
    "first_night": "write a date such as 2025-12-31",
    "published_by": "write an hour such as 06:30",
    "site_url": "write an address such as https://ckm.example.com",
    "memory_limit": "write a size such as 4GB",
    "threads": "write a number of cores such as 4",
    "alert_webhook": "write an address such as https://chat.example.com/hooks/1",
    "smtp_url": "write an address such as smtp://user:password@mail.example.com:587",
    "alert_email_from": "write an address such as ckm@example.com",
    "alert_email_to": "write addresses such as ann@example.com, separated by commas",
}


def load_settings(**given: Any) -> Settings:
    """The environment's settings, with what the command line gives in their place.

    Raises:
        ConfigurationError: a variable is not what it should be; its value, maybe a secret, is not shown.
    """
    settings, faults = read_settings(**given)
    if faults:
        raise ConfigurationError(faults[0])
    return settings


def read_settings(**given: Any) -> tuple[Settings, list[str]]:
    """As `load_settings`, but with a sentence for every variable that is wrong, which is then as if it were not set."""
    try:
        return Settings(**given), []
    except ValidationError as error:
        errors = error.errors()
        unset = {_field(item): Settings.model_fields[_field(item)].default for item in errors}
        return Settings(**given, **unset), [_sentence(item) for item in errors]


def _field(error: ErrorDetails) -> str:
    return str(error["loc"][0]).lower().removeprefix("ckm_")


def _sentence(error: ErrorDetails) -> str:
    field = _field(error)
    said = [REMEDIES[field]] if field in REMEDIES else [error["msg"]]
    if error["type"] == "value_error":  # our own
        said.insert(0, error["msg"].removeprefix("Value error, "))
    return f"the environment variable CKM_{field.upper()} is wrong: {'; '.join(said)}."


def half_given(settings: Settings) -> Iterator[str]:
    """Settings of which one is of no use without another, and variables whose names are probably misspelt.

    Neither stops a night: an alert that cannot be sent is said in the log.
    """
    if settings.alert_email_to and not settings.smtp_url:
        yield "CKM_ALERT_EMAIL_TO is set and CKM_SMTP_URL is not, so no mail can be sent: set CKM_SMTP_URL, too."
    for name in ("smtp_url", "alert_email_from"):
        if getattr(settings, name) and not settings.alert_email_to:
            variable = f"CKM_{name.upper()}"
            yield f"{variable} is set and CKM_ALERT_EMAIL_TO is not, so no mail is sent: set both or none."
    known = [f"CKM_{field.upper()}" for field in Settings.model_fields]
    for variable in sorted(os.environ):
        if variable.startswith("CKM_") and variable not in known:
            for meant in difflib.get_close_matches(variable, known, n=1, cutoff=0.9):
                yield f"the environment variable {variable} is read by nobody; did you mean {meant}?"


def expand_variables(text: str, where: str) -> str:
    """Replace `${NAME}` by the environment's value or a vault's, and `${NAME:-default}` by the default where that
    is unset or empty, as a shell does.

    Raises:
        ConfigurationError: a variable without a default is not set.
    """

    def value(match: re.Match[str]) -> str:
        name, default = match.groups()
        found = _find(name)
        if default is not None:
            return found or default
        if found is None:
            others = "".join(f", and {vault.name} does not hold it" for vault in _vaults.values())
            raise ConfigurationError(
                f"{where} uses ${{{name}}}, but the environment variable {name} is not set{others}: "
                f"set it, or write ${{{name}:-default}}."
            )
        return found

    return re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}", value, text)
