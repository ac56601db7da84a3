"""What the environment decides: the only module that reads it."""

import os
import re
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

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
}


def set_tool_defaults() -> None:
    """Switch off the telemetry and chatter of dlt, dbt, GX and Airflow; call before importing any of them."""
    for name, value in TOOL_DEFAULTS.items():
        os.environ.setdefault(name, value)


class Settings(BaseSettings):
    """Places and secrets; each field is the environment variable `CKM_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="CKM_", frozen=True)

    home: Path = Path("var")
    sources: Path = Path("sources.yml")
    secret: str | None = Field(default=None, min_length=16)
    first_night: date | None = None
    project: Path = Path(__file__).resolve().parents[2]

    @property
    def dbt_project(self) -> Path:
        return self.project / "dbt_project"

    @property
    def expectations(self) -> Path:
        return self.project / "expectations"


def load_settings(**given: Any) -> Settings:
    """The environment's settings, with what the command line gives in their place.

    Raises:
        ConfigurationError: a variable is not what it should be; its value, maybe a secret, is not shown.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = f"CKM_{first['loc'][0]}".upper()
        raise ConfigurationError(f"the environment variable {name} is wrong: {first['msg']}.") from None


def expand_variables(text: str, where: str) -> str:
    """Replace `${NAME}` by the environment's value, and `${NAME:-default}` by the default where that is unset
    or empty, as a shell does.

    Raises:
        ConfigurationError: a variable without a default is not set.
    """

    def value(match: re.Match[str]) -> str:
        name, default = match.groups()
        if default is not None:
            return os.environ.get(name) or default
        if name not in os.environ:
            raise ConfigurationError(
                f"{where} uses ${{{name}}}, but the environment variable {name} is not set."
            )
        return os.environ[name]

    return re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}", value, text)
