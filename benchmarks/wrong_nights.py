"""Ways a night can be wrong, each planted in a company's systems or marts, and the gate that catches it.

    python -m benchmarks.wrong_nights [--customers 10000] [--only currency]

A company's history and eight nights are loaded; then, for each way, the ninth night is loaded from systems
that are wrong in just that way, over a copy of the same home. A way is caught when a rule meant for it
raises more than it does on the ninth night as it should be. Exits 1 when one is not.
"""

import contextlib
import csv
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import duckdb
import typer
from rich.console import Console
from rich.progress import track

from benchmarks.company import Company, Outcomes, alarms
from ckm import nightly
from ckm.console import table
from ckm.errors import GateFailed
from ckm.night import Night
from ckm.warehouse import connect

HISTORY_UNTIL = date(2025, 11, 30)
NIGHTS_BEFORE = 8
NIGHT = HISTORY_UNTIL + timedelta(days=NIGHTS_BEFORE + 1)
ORDERS = f"Auftraege where date(LastChange) = '{NIGHT}'"
THE_NIGHTS = f"where date(LastChange) = '{NIGHT}'"


@dataclass(frozen=True)
class Way:
    """One way to be wrong: SQL on the source's database, a change of its files, or SQL on the marts.

    `caught_by` are the rules meant for it, as `object.rule`; `object` stands for the whole object failing.
    """

    what: str
    source: str
    change: str | Callable[[Path], None]
    caught_by: tuple[str, ...]


def _copied(table_name: str, key: str) -> str:
    """SQL that imports a night's rows a second time under other numbers."""
    return f"""
        create temp table again as select * from {table_name} {THE_NIGHTS};
        update again set SatzNr = SatzNr + 100000000, {key} = 'Z' || {key};
        insert into {table_name} select * from again;
        """


def _complaints(change: str) -> Callable[[Path], None]:
    """A change of the night's complaints: `column = expression`, as the API then gives them."""
    column, expression = change.split(" = ", 1)

    def apply(systems: Path) -> None:
        file = systems / "complaints" / "complaints.parquet"
        with duckdb.connect() as connection:
            connection.execute(
                f"""create table changed as select * replace (
                    case when _updated_at::date >= date '{NIGHT - timedelta(days=2)}' then {expression}
                    else {column} end as {column}) from read_parquet('{file}')"""
            )
            connection.execute(f"copy (from changed order by _row) to '{file}' (format parquet)")

    return apply


def _answers(change: Callable[[list[dict[str, str]]], list[dict[str, str]]]) -> Callable[[Path], None]:
    """A change of the month's file of answers."""

    def apply(systems: Path) -> None:
        file = systems / "surveys" / f"answers_{NIGHT:%Y-%m}.csv"
        with file.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle, delimiter=";"))
        with file.open("w", encoding="utf-8", newline="") as handle:
            changed = change(rows)
            writer = csv.DictWriter(handle, list(changed[0]), delimiter=";")
            writer.writeheader()
            writer.writerows(changed)

    return apply


WAYS: tuple[Way, ...] = (
    Way("the night's orders are imported twice, under new numbers", "crm",
        _copied("Auftraege", "AuftragNr"), ("crm.orders.row_count_is_usual",)),
    Way("the order lines come twice over", "crm",
        _copied("AuftragPos", "PosNr"), ("crm.order_lines.row_count_is_usual",)),
    Way("half the usual orders", "crm",
        f"delete from {ORDERS} and SatzNr % 2", ("crm.orders.row_count_is_usual",)),
    Way("no order at all", "crm",
        f"delete from {ORDERS}", ("crm.orders.row_count_is_usual", "crm.orders.row_count_is_possible")),
    Way("a currency is switched: amounts in kroner, called euros", "crm",
        f"update AuftragPos set EinzelBetrag = EinzelBetrag * 11.2 {THE_NIGHTS}",
        ("crm.order_lines.mean_unit_price_is_possible", "crm.order_lines.mean_unit_price_is_usual")),
    Way("prices in cents", "crm",
        f"update AuftragPos set EinzelBetrag = EinzelBetrag * 100 {THE_NIGHTS}",
        ("crm.order_lines.mean_unit_price_is_possible",)),
    Way("all orders called Swedish", "crm",
        f"update Auftraege set Waehrung = 'SEK' {THE_NIGHTS}", ("crm.orders.mix_of_currency_code_is_usual",)),
    Way("all order dates a day early", "crm",
        f"update Auftraege set OrderDate = datetime(OrderDate, '-1 day') {THE_NIGHTS}",
        ("crm.orders.newest_order_is_as_new_as_its_changes",)),
    Way("all order dates a day late", "crm",
        f"update Auftraege set OrderDate = datetime(OrderDate, '+1 day') {THE_NIGHTS}",
        ("crm.orders.ordered_at_is_plausible",)),
    Way("order dates as 9.12.25", "crm",
        f"update Auftraege set OrderDate = strftime('%d.%m.25', OrderDate) {THE_NIGHTS}",
        ("crm.orders.ordered_at_is_readable",)),
    Way("a code list extended: status 'geparkt'", "crm",
        f"update Auftraege set BelegStatus = 'geparkt' {THE_NIGHTS} and SatzNr % 3 = 0",
        ("crm.orders.status_is_known",)),
    Way("negative prices", "crm",
        f"update AuftragPos set EinzelBetrag = -abs(EinzelBetrag) {THE_NIGHTS} and SatzNr % 4 = 0",
        ("crm.order_lines.unit_price_is_not_negative",)),
    Way("quantity and price in each other's place", "crm",
        f"update AuftragPos set Menge = EinzelBetrag, EinzelBetrag = Menge {THE_NIGHTS}",
        ("crm.order_lines.mean_quantity_is_usual", "crm.order_lines.mean_quantity_is_possible")),
    Way("prices with a decimal comma", "crm",
        f"update AuftragPos set EinzelBetrag = replace(EinzelBetrag, '.', ',') {THE_NIGHTS}",
        ("crm.order_lines.unit_price_is_readable",)),
    Way("orders without their customer", "crm",
        f"update Auftraege set CustomerNo = null {THE_NIGHTS}",
        ("crm.orders.customer_id_is_not_suddenly_empty", "crm.orders.customer_id_is_filled_as_usual")),
    Way("orders of another company's customers", "crm",
        f"update Auftraege set CustomerNo = 'X' || CustomerNo {THE_NIGHTS}",
        ("crm.orders.customer_id_is_known",)),
    Way("lines of orders that did not come", "crm",
        f"update AuftragPos set AuftragNr = 'X' || AuftragNr {THE_NIGHTS}",
        ("crm.order_lines.order_id_is_known",)),
    Way("lines of products not in the catalogue", "crm",
        f"update AuftragPos set ArtikelNr = 'X' || ArtikelNr {THE_NIGHTS}",
        ("crm.order_lines.product_id_is_known",)),
    Way("one number, two different orders", "crm",
        f"""create temp table other as select * from {ORDERS} limit 20;
        update other set SatzNr = SatzNr + 100000000, Vertriebsweg = 'anders';
        insert into Auftraege select * from other;""", ("crm.orders.one_content_per_key",)),
    Way("every order through one channel", "crm",
        f"update Auftraege set Vertriebsweg = 'Markt' {THE_NIGHTS}", ("crm.orders.mix_of_channel_is_usual",)),
    Way("the price column renamed", "crm",
        "alter table AuftragPos rename column EinzelBetrag to Preis", ("crm.order_lines.object",)),
    Way("parcels delivered before they were sent", "crm",
        f"update Sendungen set ZugestelltAm = datetime(VersandAm, '-3 days') {THE_NIGHTS} "
        "and ZugestelltAm is not null", ("crm.shipments.delivered_at_is_not_before_shipped_at",)),
    Way("all parcels lost: status 'returned'", "crm",
        f"update Sendungen set SendStatus = 'returned' {THE_NIGHTS}", ("crm.shipments.mix_of_status_is_usual",)),
    Way("negative use", "crm",
        f"update ServiceUsage set Amount = -1 - abs(Amount) where date(EventTime) = '{NIGHT}' "
        "and SatzNr % 4 = 0", ("crm.usage_events.quantity_is_not_negative",)),
    Way("calls in milliseconds", "crm",
        f"update Aktivitaeten set DauerSek = DauerSek * 1000 {THE_NIGHTS}",
        ("crm.interactions.duration_seconds_is_plausible", "crm.interactions.mean_duration_seconds_is_usual")),
    Way("e-mail addresses emptied", "crm",
        f"update Kunden set EMail = null where date(GeaendertAm) = '{NIGHT}'",
        ("crm.customers.email_is_filled_as_usual",)),
    Way("all reading pushed, says the knowledge base", "knowledge",
        f"update KB_Delivery set Mode = 'push' where date(ModifiedAt) = '{NIGHT}'",
        ("knowledge.deliveries.mix_of_delivery_mode_is_usual",)),
    Way("articles that nobody wrote", "knowledge",
        f"update KB_Delivery set ArticleNo = 'X' || ArticleNo where date(ModifiedAt) = '{NIGHT}'",
        ("knowledge.deliveries.article_id_is_known",)),
    Way("complaints resolved before they came in", "complaints",
        _complaints("resolvedAt = '2020-01-01 10:00:00'"),
        ("complaints.complaints.resolved_at_is_not_before_received_at",)),
    Way("a new priority, 'p0'", "complaints",
        _complaints("priority = 'p0'"), ("complaints.complaints.priority_is_known",)),
    Way("answers on a scale of ten times as many points", "surveys",
        _answers(lambda rows: [row | {"Wert": row["Wert"] and f"{row['Wert']}0"} for row in rows]),
        ("surveys.answers.answers_are_on_their_scale",)),
    Way("the file of answers without its column of values", "surveys",
        _answers(lambda rows: [{k: v for k, v in row.items() if k != "Wert"} for row in rows]),
        ("surveys.answers.object",)),
    Way("a join loses a third of the customers", "marts",
        "delete from marts.customer_360 where hash(customer_key) % 3 = 0",
        ("marts.customer_360.every_current_customer_is_in_the_mart", "marts.customer_360.row_count_is_usual")),
    Way("a join doubles customers", "marts",
        "insert into marts.customer_360 from marts.customer_360 limit 50",
        ("marts.customer_360.customer_key_is_unique",)),
    Way("revenue counted twice", "marts",
        "update marts.customer_360 set net_revenue = 2 * net_revenue",
        ("marts.customer_360.net_revenue_is_that_of_the_fact",)),
    Way("values thrice those of the night before", "marts",
        "update marts.clv set clv_365d = 3 * clv_365d, clv_365d_high = 3 * clv_365d_high, "
        "clv_lifetime = 3 * clv_lifetime", ("marts.clv.mean_clv_365d_is_usual",)),
    Way("a probability in per cent", "marts",
        "update marts.churn_risk set churn_probability_90d = 100 * churn_probability_90d",
        ("marts.churn_risk.churn_probability_90d_is_a_probability",)),
    Way("yesterday's mart", "marts",
        "update marts.churn_risk set as_of_date = as_of_date - 1", ("marts.churn_risk.as_of_date_is_the_night",)),
    Way("complaints counted twice on the way to their mart", "marts",
        "update marts.complaint_handling set opened = opened + 1 where category = 'all'",
        ("marts.complaint_handling.complaints_are_those_of_the_fact",)),
)  # fmt: skip


class Laboratory:
    """The company as it stood before the ninth night and, in marts, after it; each trial is on a copy."""

    def __init__(self, folder: Path, customers: int) -> None:
        self.folder = folder
        self.company = Company(folder / "trial", customers=customers)
        self.before, self.after = folder / "before", folder / "after"

    def prepare(self, screen: Console) -> None:
        """Load the history and the nights before, the last of them wholly, and keep the home."""
        days = [HISTORY_UNTIL + timedelta(days=n) for n in range(NIGHTS_BEFORE + 1)]
        for day in track(days, "nights before", console=screen):
            self.company.live_until(day)
            self.company.night(day, whole=day == days[-1])
        self.company.live_until(NIGHT)
        shutil.copytree(self.company.folder, self.before, symlinks=True)
        self.normal = self.company.night(NIGHT, whole=True)
        shutil.copytree(self.company.folder, self.after, symlinks=True)

    def outcomes(self, way: Way) -> Outcomes:
        """What the gates say of the ninth night when it is wrong in one way."""
        shutil.rmtree(self.company.folder)
        shutil.copytree(
            self.after if way.source == "marts" else self.before, self.company.folder, symlinks=True
        )
        if way.source == "marts":
            return self._judge_marts(way)
        if callable(way.change):
            way.change(self.company.systems)
        else:
            with sqlite3.connect(self.company.systems / "crm.db") as database:
                database.executescript(way.change)
            database.close()
        return self.company.night(NIGHT, source=way.source)

    def _judge_marts(self, way: Way) -> Outcomes:
        settings = self.company.settings
        with connect(settings.home / "warehouse.duckdb") as connection:
            connection.execute(str(way.change))
            run_id = connection.execute("select max_by(run_id, started_at) from audit.runs").fetchone()[0]
        night = Night(
            run_id,
            NIGHT,
            settings.sources,
            settings.home,
            settings.project,
            full_refresh=False,
            extracts=False,
        )
        with contextlib.suppress(GateFailed):
            nightly.gate_marts(night)
        return self.company.outcomes(run_id)


def main(
    customers: Annotated[int, typer.Option(min=1000)] = 10_000,
    only: Annotated[list[str] | None, typer.Option(help="Try only ways whose words contain this.")] = None,
) -> None:
    """Try every way and print which rule caught it, how, and what else was raised."""
    screen = Console(width=160)
    ways = [way for way in WAYS if not only or any(words in way.what for words in only)]
    rows, missed = [], 0
    with tempfile.TemporaryDirectory() as folder:
        laboratory = Laboratory(Path(folder), customers)
        laboratory.company.live_until(HISTORY_UNTIL)
        with laboratory.company.open_for_business():
            laboratory.prepare(screen)
            usual = alarms(laboratory.normal)
            screen.print(f"The ninth night as it should be raises {len(usual)} alarms: {usual or 'none'}.")
            for way in track(ways, "ways to be wrong", console=screen):
                raised = {
                    f"{place}.{rule}": found
                    for (place, rule), found in alarms(
                        laboratory.outcomes(way), besides_quarantine=False
                    ).items()
                    if found.is_worse_than(laboratory.normal.get((place, rule)))
                }
                caught = [rule for rule in way.caught_by if rule in raised]
                missed += not caught
                others = len(raised) - len(caught)
                result, count = raised[caught[0]] if caught else ("NOT CAUGHT", 0)
                rows.append(
                    (way.what, caught[0] if caught else way.caught_by[0], result, count or None, others)
                )
    screen.print(
        table("ways to be wrong", ("what is wrong", "rule meant for it", "result", "rows", "others"), rows)
    )
    screen.print(f"{len(ways) - missed} of {len(ways)} ways were caught by the rule meant for them.")
    raise typer.Exit(1 if missed else 0)


if __name__ == "__main__":
    typer.run(main)
