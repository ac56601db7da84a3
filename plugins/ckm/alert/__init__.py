"""Alerts: what the person on duty must know about a night, and the ways it reaches him.

    audit tables → what they say (composing) → log, webhook, mail (channels)

Both drivers of the night call `tell` when it has ended, whatever the end; no alert can fail a night.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import yaml

from ckm.alert.channels import send
from ckm.alert.composing import Alert, alerts_of, failure, is_late, not_published, published_version
from ckm.errors import CkmError, safe_reason
from ckm.home import Home
from ckm.warehouse import connect, patience

MEND_AND_RUN_AGAIN = (
    "The sentence names what is wrong, and nothing has changed: mend it and run the night again."
)
Say = Callable[[str], Any]


@dataclass(frozen=True)
class Failure:
    """Why a night ended early, as it goes on record, and what to do."""

    sentence: str
    what_to_do: str = MEND_AND_RUN_AGAIN


def tell(
    home: Home,
    sources_file: Path,
    night: date,
    run_id: str | None,
    failed: Failure | None,
    say: Say,
    *,
    in_log: bool = True,
) -> None:
    """Send what the end of a night calls for; never raises.

    Args:
        run_id: None where no run could be opened.
        failed: None where the night ended well.
        say: writes a text to the driver's log.
        in_log: false where the driver itself says there what failed.
    """
    try:
        company = _company(sources_file)
        alerts = (
            [_failure(home, company, night, run_id, failed)] if failed else _warnings(home, company, run_id)
        )
    except Exception as error:
        say(f"What this night calls for cannot be told ({type(error).__name__}: {safe_reason(error)}).")
        return
    send(alerts, say, in_log=in_log)


def tell_if_late(home: Home, sources_file: Path, night: date, by: time, zone: ZoneInfo, say: Say) -> None:
    """Send that readers do not have the night that ended at the last midnight, if they do not.

    It looks at what readers see and not into the warehouse, which a load that is late holds.
    """
    published = published_version(home)
    if is_late(night, zone, published, datetime.now(UTC)):
        send([not_published(_company(sources_file), night, by, zone, published)], say)


def _failure(home: Home, company: str, night: date, run_id: str | None, failed: Failure) -> Alert:
    story = {
        "company": company,
        "night": night,
        "run_id": run_id,
        "sentence": failed.sentence,
        "what_to_do": failed.what_to_do,
        "published": published_version(home),
    }
    try:
        with patience(timedelta(0)), connect(home.warehouse, read_only=True) as connection:
            return failure(connection, **story)
    except (duckdb.Error, CkmError):  # there is none yet, or somebody holds it
        return failure(None, **story)


def _warnings(home: Home, company: str, run_id: str) -> list[Alert]:
    with connect(home.warehouse, read_only=True) as connection:
        return alerts_of(connection, run_id, company=company, published=published_version(home))


def _company(sources_file: Path) -> str:
    """The company's name as far as it can be read, because a broken sources.yml may be what is to be told."""
    try:
        return str(yaml.safe_load(sources_file.read_text("utf-8"))["company"]["name"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return sources_file.name
