"""Judge churn risk on simulated companies at default dirt against their hidden truth.

    python -m benchmarks.churn.truth [--seeds 301-320] [--customers 2000] [--keep FOLDER]

Each company is extracted, gated, matched and built into a star once; from there on the product's own code asks, learns
and explains. It is judged on the four quarter-ends before the last, each by the kind of model that a night would have
chosen by then. Three are given the hidden truth: one knows the law by which all buy (BG/NBD's true parameters, the
chance of leaving over a badly handled complaint), which is as much as any history can tell; one each customer's own
rate and chance of dropping out; one also who has gone.
"""

import json
import pickle
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import duckdb
import numpy as np
import typer
from rich.console import Console

from benchmarks.churn.cuts import as_chosen, rows_of
from benchmarks.company import Company
from ckm import nightly
from ckm.churn import backtest, measures
from ckm.churn.frame import Floats
from ckm.churn.population import ACTIVE_DAYS, HORIZON_DAYS, Rows
from ckm.clv.bg_nbd import BgNbdParameters, probability_no_order
from ckm.simulate.company import COMPANY
from ckm.warehouse import connect

NIGHT = date(2026, 3, 31)
CUTS = [date(2025, 3, 31), date(2025, 6, 30), date(2025, 9, 30), date(2025, 12, 31)]
BUILT_IN = {
    "no_order_by_rhythm": 1, "days_since_last_order": 1, "orders_365d": -1, "bad_complaints_since_order": 1,
}  # fmt: skip
"""Drivers that the company's life rests on, with the sign of their effect on staying away."""
ABSENT = (
    "known_employee_left", "last_contact_mood", "searches_in_vain_180d", "articles_read_180d", "contributions_365d",
    "last_nps_score", "nps_change", "last_delivery_days_late", "mean_order_value", "spend_change",
)  # fmt: skip
"""Drivers that nothing in the company's life ties to buying or leaving."""
TOP = 5
TRUTHS = ("law", "rates", "state")
Chances = dict[tuple[date, str], tuple[float, float, float]]


def build_star(company: Company, night: date) -> None:
    """Load a night up to the star."""
    prepared = nightly.prepare(company.settings, company.settings.sources, night)
    for step in nightly.STEPS:
        for name in list(prepared.sources().sources) if step.per_source else [None]:
            step.run(prepared, name) if name else step.run(prepared)
        if step.name == "build_star":
            return


def known_truth(connection: duckdb.DuckDBPyConnection, truth: Path) -> Chances:
    """(cut, customer_key) → chance of no order in the horizon: for whom the law is known, for whom each customer's own
    rate and chance of dropping out, and for whom also who has gone."""
    leaving = COMPANY.complaining.leave_rate
    connection.execute(
        f"""
        create or replace temp table hidden as
        select customer_key, max(rate) as rate, max(dropout) as dropout, bool_or(alive) as alive,
            min(left_at::date) as left_on
        from '{truth / "customers.parquet"}' as told
        join identity.customer_identity as known
            on known.source = 'crm' and known.object = 'customers' and known.native_id = told.customer_id
        group by all;
        create or replace temp table bad as
        select customer_key, ended_at::date as ended_on from '{truth / "complaints.parquet"}' as told
        join identity.customer_identity as known
            on known.source = 'crm' and known.object = 'customers' and known.native_id = told.customer_id
        where is_badly_handled and ended_at is not null
        """
    )
    columns = connection.execute(
        """
        with orders as (
            select distinct customer_key, order_id, order_date from about_customers.fct_order_line
            where line_kind = 'sale' and not is_cancelled and customer_key is not null
        ),
        ever as (select customer_key, max(order_date) as last_ever from orders group by all),
        by_cut as (
            select cut_date, customer_key, count(*) - 1 as repeats, min(order_date) as first_on,
                max(order_date) as last_on
            from churn_customer join orders using (customer_key) where order_date <= cut_date group by all
        )
        select cut_date, customer_key, rate, dropout, repeats, (cut_date - last_on)::double as silence,
            (last_on - first_on)::double as recency,
            (not alive and left_on is null and last_ever <= cut_date) or coalesce(left_on <= cut_date, false) as gone,
            (select count(*) from bad where bad.customer_key = by_cut.customer_key
                and ended_on between last_on and cut_date) as bad,
            (select coalesce(min(ended_on - last_on), 0)::double from bad where bad.customer_key = by_cut.customer_key
                and ended_on between last_on and cut_date) as bad_after
        from by_cut join hidden using (customer_key) join ever using (customer_key) order by all
        """
    ).fetchnumpy()
    rate, silence = columns["rate"], columns["silence"]
    dropout = np.where(columns["repeats"] > 0, columns["dropout"], 0.0)
    stayed = (1 - leaving) ** columns["bad"]
    here = (1 - dropout) * stayed * np.exp(-rate * silence)
    left = (1 - dropout) * (1 - stayed) * np.exp(-rate * columns["bad_after"])
    alive = here / (here + left + dropout)
    buys = 1 - np.exp(-rate * HORIZON_DAYS)
    law = BgNbdParameters(COMPANY.bgnbd_r, COMPANY.bgnbd_alpha, COMPANY.bgnbd_a, COMPANY.bgnbd_b)
    by_law = probability_no_order(
        law,
        columns["repeats"].astype(float),
        columns["recency"],
        columns["recency"] + silence,
        float(HORIZON_DAYS),
    )
    keys = zip(columns["cut_date"].astype("datetime64[D]").tolist(), columns["customer_key"], strict=True)
    chances = zip(
        1 - stayed * (1 - by_law), 1 - alive * buys, np.where(columns["gone"], 1.0, 1 - buys), strict=True
    )
    return dict(zip(keys, ((float(a), float(b), float(c)) for a, b, c in chances), strict=True))


def explained(rows: Rows, cut: date, night: date) -> dict[str, dict[str, float]]:
    """Driver → its mean absolute contribution on a cut, and the sign with which it is taken to work there."""
    choice = backtest.choose(backtest.trials(rows, backtest.trial_cuts(rows)))
    assert choice is not None
    model = backtest.fit_chosen(rows, choice, night)
    frame = rows.frame.rows(rows.cut == np.datetime64(cut))
    _, shares = model.explain(frame)
    return {
        name: {
            "size": float(np.abs(shares[:, k]).mean()),
            "sign": _sign(frame.only((name,)).values[:, 0], shares[:, k]),
        }
        for k, name in enumerate(model.names)
    }


def _sign(value: Floats, share: Floats) -> float:
    known = ~np.isnan(value)
    if known.sum() < 2 or np.ptp(value[known]) == 0 or np.ptp(share[known]) == 0:
        return 0.0
    return float(np.sign(np.corrcoef(value[known], share[known])[0, 1]))


def lived(seed: int, customers: int) -> tuple[Rows, Chances]:
    """One company, from its systems to what models see of it, and its truth."""
    with TemporaryDirectory() as folder:
        company = Company(Path(folder), customers=customers, seed=seed)
        company.live_until(NIGHT)
        with company.open_for_business():
            build_star(company, NIGHT)
        with connect(company.settings.home / "warehouse.duckdb") as connection:
            return rows_of(connection, NIGHT), known_truth(connection, company.systems / "truth")


def judge(rows: Rows, chances: Chances) -> dict[str, Any]:
    """Measures by cut, and drivers, of one company."""
    cuts: dict[str, dict[str, Any]] = {}
    for trial, said, way in as_chosen(rows, CUTS):
        on = (rows.cut == np.datetime64(trial.cut)) & ~np.isnan(rows.label)
        truth = np.array([chances.get((trial.cut, key), (np.nan,) * 3) for key in rows.key[on]])
        # of customers with nothing but a subscription it is not asked whether an order comes
        both = ~np.isnan(truth[:, 0]) & (
            rows.frame.only(("days_since_last_order",)).values[on, 0] <= ACTIVE_DAYS
        )
        rhythm = rows.frame.only(("no_order_by_rhythm",)).values[on, 0]
        label = trial.label[both]
        cuts[f"{trial.cut}"] = {
            "way": way, "rows": int(both.sum()), **measures.all_measures(said[both], label),
            "auc_rhythm": measures.auc(np.nan_to_num(rhythm[both]), label),
            **{f"auc_{name}": measures.auc(truth[both, k], label) for k, name in enumerate(TRUTHS)},
            **{f"brier_{name}": measures.brier(truth[both, k], label) for k, name in enumerate(TRUTHS)},
        }  # fmt: skip
    return {"cuts": cuts, "drivers": explained(rows, CUTS[-1], NIGHT)}


def summary(found: list[dict]) -> Iterator[str]:
    """What all companies together say."""
    cuts = [cut for one in found for cut in one["cuts"].values()]
    mean = {
        name: float(np.mean([cut[name] for cut in cuts])) for name in cuts[0] if name not in ("way", "rows")
    }
    yield f"{len(found)} companies, {len(cuts)} cuts, {np.mean([cut['rows'] for cut in cuts]):.0f} customers on each"
    yield "mean " + ", ".join(f"{name} {value:.4f}" for name, value in mean.items())
    for truth in TRUTHS:
        ratios = [
            np.mean([cut["auc"] for cut in one["cuts"].values()])
            / np.mean([cut[f"auc_{truth}"] for cut in one["cuts"].values()])
            for one in found
        ]
        yield f"AUC relative to one that knows the {truth}: mean {np.mean(ratios):.4f}, least {min(ratios):.4f}"
    for name, sign in BUILT_IN.items():
        held = [one["drivers"][name]["sign"] for one in found if name in one["drivers"]]
        yield f"built in: {name} with its sign in {sum(s == sign for s in held)} of {len(found)}"
    tops = [sorted(one["drivers"], key=lambda name: -one["drivers"][name]["size"])[:TOP] for one in found]
    for name in ABSENT:
        yield f"absent: {name} among the first {TOP} in {sum(name in top for top in tops)} of {len(found)}"
    yield f"any absent one among the first {TOP}: {sum(bool({*ABSENT} & {*top}) for top in tops)} of {len(found)}"


def main(
    seeds: Annotated[str, typer.Option(help="First and last seed.")] = "301-320",
    customers: Annotated[int, typer.Option(min=500, help="Customers of each company.")] = 2000,
    keep: Annotated[
        Path | None, typer.Option(help="Keep what models see of each company, for the next time.")
    ] = None,
) -> None:
    screen, found = Console(), []
    first, last = (int(part) for part in seeds.split("-"))
    for seed in range(first, last + 1):
        file = keep / f"{seed}.{customers}.pickle" if keep else None
        if file and file.exists():
            company = pickle.loads(file.read_bytes())
        else:
            company = lived(seed, customers)
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(pickle.dumps(company))
        found.append(judge(*company))
        screen.print(f"seed {seed}: {json.dumps(found[-1]['cuts'])}", highlight=False, soft_wrap=True)
    for line in summary(found):
        screen.print(line, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
