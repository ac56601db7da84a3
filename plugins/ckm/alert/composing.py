"""What a night's alerts say, read from the audit tables: what failed, since when, what readers see, what to do.

Nothing here may say more than the audit does, which is published: no value of a row, no secret.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from typing import Any, Literal
from zoneinfo import ZoneInfo

import duckdb

from ckm.home import Home

Kind = Literal["failure", "stale_source", "warning_gate", "not_published"]
MOST_FINDINGS = 20  # of a night on which everything is wrong, the rest stands on the page
PAGES: dict[Kind, str] = {
    "failure": "index.html",
    "stale_source": "index.html",
    "warning_gate": "gates.html",
    "not_published": "index.html",
}
MEND_SOURCE = (
    "Mend the system or sources.yml: the next night reads what this one missed. Until then the marts show the "
    "last good state, and a required object, or one over its max_staleness_days, stops the night."
)
LOOK_AT_RULE = (
    "Readers have the night. Look at the rule on the page of the gates: mend the source, or, if the data are right, "
    "the rule under expectations/ or the test under dbt_project/."
)
LOOK_AT_RUN = (
    "Look at the newest run of ckm_nightly, or at ckm status: mend what its failure says and clear from prepare; if it "
    "still runs, wait; if there is none, see that the scheduler is up and the DAG switched on."
)

# Every verdict on record: what it is about, whether it calls for an alert, and whether it is good. Then, of one
# run's alarming ones, the last night before that was good and the first night since that was not.
STORIES = """
    with verdicts as (
        select 'stale_source' as kind, run_id, as_of_date, source as place, source || '.' || object as name,
            'object' as what, message as story, status = 'stale' as is_alarming, status = 'fresh' as is_good
        from audit.source_freshness
        union all
        select 'warning_gate', run_id, as_of_date, boundary, source || '.' || object, rule,
            concat_ws('; ',
                rtrim(description, '.') || ' does not hold',
                case
                    when failing_rows > 0 then format('{:,} of {:,} rows break it', failing_rows, evaluated_rows)
                    else 'observed ' || observed_value
                end,
                'expected ' || expected, message),
            outcome = 'warned', outcome in ('passed', 'quarantined')
        from audit.gate_results
        union all
        select 'warning_gate', run_id, as_of_date, layer, node, 'dbt test',
            format('this dbt test warns with {:,} rows', failures), status = 'warn', status = 'pass'
        from audit.test_results
    ),
    now as (from verdicts where run_id = ? and kind = ? and is_alarming),
    known as (
        select now.*, max(before.as_of_date) as last_good
        from now left join verdicts as before
            on before.kind = now.kind and before.name = now.name and before.what = now.what
                and before.is_good and before.as_of_date < now.as_of_date
        group by all
    )
    select known.place, known.name, coalesce(known.story, ''), min(streak.as_of_date) as since, known.last_good
    from known join verdicts as streak
        on streak.kind = known.kind and streak.name = known.name and streak.what = known.what
            and streak.is_alarming and streak.as_of_date <= known.as_of_date
            and streak.as_of_date > coalesce(known.last_good, date '0001-01-01')
    group by all
    order by all
"""


@dataclass(frozen=True)
class Version:
    """What readers see: the version and the night whose state it shows."""

    name: str
    as_of_date: date


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, the first night of that state and the last night that was good (none known: None)."""

    what: str
    since: date | None
    last_good: date | None

    def sentence(self) -> str:
        since = f"Since the night of {self.since}; " if self.since else ""
        good = f"last good night {self.last_good}" if self.last_good else "no good night before"
        end = since + good
        what = self.what if self.what.endswith((".", "?", "!")) else f"{self.what}."
        return f"{what} {end[0].upper()}{end[1:]}."


@dataclass(frozen=True)
class Alert:
    """All that one message says; `kind` is what it is about."""

    kind: Kind
    company: str
    night: date
    run_id: str | None
    headline: str
    findings: tuple[Finding, ...]
    published: Version | None
    what_to_do: str

    def subject(self) -> str:
        """One line that says it all to whoever only sees the list."""
        return f"[{self.company}] {self.headline}"

    def text(self, site_url: str | None = None) -> str:
        """The message as a person reads it."""
        shown = [finding.sentence() for finding in self.findings[:MOST_FINDINGS]]
        if len(self.findings) > MOST_FINDINGS:
            shown.append(f"And {len(self.findings) - MOST_FINDINGS} more.")
        seen = (
            f"version {self.published.name}, as of {self.published.as_of_date}"
            if self.published
            else "nothing yet"
        )
        lines = [self.subject(), *(f"- {line}" for line in shown), f"Readers see: {seen}."]
        lines.append(f"What to do: {self.what_to_do}")
        if site_url:
            lines.append(f"See: {self.page(site_url)}")
        return "\n".join(lines)

    def page(self, site_url: str) -> str:
        """Where more of it stands."""
        return f"{site_url.rstrip('/')}/{PAGES[self.kind]}"

    def to_json(self, site_url: str | None = None) -> dict[str, Any]:
        """The message for a machine; chat tools show `text`."""
        fields = asdict(self) | {"page": self.page(site_url) if site_url else None}
        return {"text": self.text(site_url)} | json.loads(json.dumps(fields, default=str))


def published_version(home: Home) -> Version | None:
    """What readers see now; open to anybody at any time, also while a load holds the warehouse."""
    file = home.current / "version.json"
    if not file.exists():
        return None
    seen = json.loads(file.read_text())
    return Version(seen["version"], date.fromisoformat(seen["as_of_date"]))


def alerts_of(
    connection: duckdb.DuckDBPyConnection, run_id: str, *, company: str, published: Version | None
) -> list[Alert]:
    """What is to be said of a run that was published: its stale objects and the rules that only warn.

    A run that computes an older night changes nothing that readers see and calls for nothing.
    """
    night, is_public = connection.execute(
        "select as_of_date, status like 'published%' from audit.runs where run_id = ?", [run_id]
    ).fetchone()
    if not is_public:
        return []
    alerts = []
    if stale := _findings(connection, run_id, "stale_source"):
        names = sorted({finding.what.split(".", 1)[0] for finding in stale})
        headline = f"Night of {night}: {_listed(names)} stale, the rest is published."
        alerts.append(
            Alert("stale_source", company, night, run_id, headline, tuple(stale), published, MEND_SOURCE)
        )
    if warned := _findings(connection, run_id, "warning_gate"):
        what = "1 rule warns" if len(warned) == 1 else f"{len(warned)} rules warn"
        headline = f"Night of {night}: {what}, the night is published."
        alerts.append(
            Alert("warning_gate", company, night, run_id, headline, tuple(warned), published, LOOK_AT_RULE)
        )
    return alerts


def failure(
    connection: duckdb.DuckDBPyConnection | None,
    *,
    company: str,
    night: date,
    run_id: str | None,
    sentence: str,
    what_to_do: str,
    published: Version | None,
) -> Alert:
    """That a night was not published.

    Args:
        connection: of the warehouse; None where it cannot be read, and then the version says what was good last.
    """
    since, last_good = night, published.as_of_date if published else None
    if connection is not None:
        since, last_good = connection.execute(
            """
            with good as (
                select max(as_of_date) as night from audit.runs
                where status like 'published%' and as_of_date <= $night
            )
            select coalesce(min(runs.as_of_date), $night), any_value(good.night)
            from good left join audit.runs
                on runs.as_of_date <= $night and (good.night is null or runs.as_of_date > good.night)
            """,
            {"night": night},
        ).fetchone()
    headline = f"Night of {night} failed: nothing was published."
    found = Finding(sentence, since, last_good)
    return Alert("failure", company, night, run_id, headline, (found,), published, what_to_do)


def not_published(company: str, night: date, by: time, zone: ZoneInfo, published: Version | None) -> Alert:
    """That readers do not have the night at the hour at which they rely on it."""
    headline = f"Night of {night} is not published by {by:%H:%M} ({zone.key})."
    shown = published.as_of_date if published else None
    found = Finding("readers see an older night" if published else "readers see nothing", None, shown)
    return Alert("not_published", company, night, None, headline, (found,), published, LOOK_AT_RUN)


def is_late(night: date, zone: ZoneInfo, published: Version | None, now: datetime) -> bool:
    """Whether the night is the one that ended at the last midnight and readers do not have it.

    Nights before it are being caught up, or were given up; whoever is on duty has heard of each in its time.
    """
    is_last = (now.astimezone(zone).date() - night).days == 1
    return is_last and (published is None or published.as_of_date < night)


def _findings(connection: duckdb.DuckDBPyConnection, run_id: str, kind: Kind) -> list[Finding]:
    """What of one kind is wrong in a run; things of one place with the same story are one finding."""
    told: dict[tuple[Any, ...], list[str]] = {}
    for place, name, story, since, last_good in connection.execute(STORIES, [run_id, kind]).fetchall():
        told.setdefault((place, story.replace(name, "", 1).lstrip(": "), since, last_good), []).append(name)
    return [
        Finding(
            f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {story}", since, last_good
        )
        for (_, story, since, last_good), names in told.items()
    ]


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last} are" if first else f"{last} is"
