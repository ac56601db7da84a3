"""From an orders table to scored customers: this product, lifetimes and pymc-marketing on the same orders.

    python -m benchmarks.clv                        100 thousand and 1 million customers
    python -m benchmarks.clv --customers 10000000 --only ours

Each runs in a process of its own, the two others in environments of their own under var/bench, which are made
from the package registry where they lack. Times are of the process: clock, and processor of all its threads,
which says more on a machine that is busy. The floor is DuckDB's own aggregation of the orders by customer.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

LAST = date(2025, 12, 31)
DAYS = 730
RIVALS = {"lifetimes": "lifetimes", "pymc-marketing": "pymc-marketing"}
FOLDER = Path("var/bench")

CLOCK = """
import json, sys, time
parts, last = {}, time.process_time()
def done(part):
    global last
    now = time.process_time()
    parts[part], last = round(now - last, 2), now
"""

LIFETIMES = (
    CLOCK
    + """
import pandas as pd
from lifetimes import BetaGeoFitter, GammaGammaFitter
from lifetimes.utils import summary_data_from_transaction_data
done("start")
orders = pd.read_parquet(sys.argv[1])
data = summary_data_from_transaction_data(
    orders, "customer", "day", "value", observation_period_end=sys.argv[2], freq="D")
done("states")
bg = BetaGeoFitter().fit(data.frequency, data.recency, data["T"])
repeat = data[(data.frequency > 0) & (data.monetary_value > 0)]
gg = GammaGammaFitter().fit(repeat.frequency, repeat.monetary_value)
done("fit")
data["p_alive"] = bg.conditional_probability_alive(data.frequency, data.recency, data["T"])
for days in (90, 365):
    data[f"expected_{days}"] = bg.conditional_expected_number_of_purchases_up_to_time(
        days, data.frequency, data.recency, data["T"])
data["value"] = gg.conditional_expected_average_profit(data.frequency, data.monetary_value)
data["clv"] = gg.customer_lifetime_value(
    bg, data.frequency, data.recency, data["T"], data.monetary_value, time=12, freq="D", discount_rate=0.008)
data.to_parquet(sys.argv[3])
done("scores")
print(json.dumps({"parts": parts, "parameters": bg.params_.round(4).to_dict()}))
"""
)

PYMC = (
    CLOCK
    + """
import logging, numpy as np, pandas as pd
logging.disable(logging.WARNING)
from pymc_marketing import clv
done("start")
orders = pd.read_parquet(sys.argv[1])
data = clv.utils.rfm_summary(
    orders, "customer", "day", "value", observation_period_end=sys.argv[2], time_unit="D")
done("states")
bg = clv.BetaGeoModel(data=data)
bg.fit(method="map", progressbar=False)
repeat = data[(data.frequency > 0) & (data.monetary_value > 0)]
gg = clv.GammaGammaModel(data=repeat)
gg.fit(method="map", progressbar=False)
done("fit")
data["p_alive"] = bg.expected_probability_alive(data=data).values.ravel()
for days in (90, 365):
    data[f"expected_{days}"] = bg.expected_purchases(data=data, future_t=days).values.ravel()
seen = data.assign(monetary_value=np.maximum(data.monetary_value, 1e-9))
data["value"] = gg.expected_customer_spend(data=seen).values.ravel()
data["clv"] = gg.expected_customer_lifetime_value(
    transaction_model=bg, data=seen, future_t=12, discount_rate=0.008, time_unit="D").values.ravel()
data.to_parquet(sys.argv[3])
done("scores")
found = {name: round(float(bg.fit_result[name].values.ravel()[0]), 4) for name in ("r", "alpha", "a", "b")}
print(json.dumps({"parts": parts, "parameters": found}))
"""
)


def orders(customers: int) -> Path:
    """The orders of simulated customers as Parquet: customer, day, value; made by DuckDB and NumPy, fixed seeds.

    Customers have keys of 32 characters, as in a warehouse.
    """
    import duckdb
    import numpy as np
    import pyarrow as pa

    file = FOLDER / f"orders_{customers}_text_keys.parquet"
    if file.exists():
        return file
    rng = np.random.default_rng(7)
    rate, leaving = rng.gamma(0.6, 1 / 60, customers), rng.beta(0.8, 2.5, customers)
    scale = 30.0 / rng.gamma(4.0, 1.0, customers)
    first = rng.integers(0, DAYS, customers).astype(np.float32)
    when, active = first.astype(float), np.arange(customers)
    with duckdb.connect() as connection:
        connection.execute("create table orders (customer bigint, day integer, value double)")
        while active.size:
            found = pa.table(
                {
                    "customer": active,
                    "day": when[active].astype("int32"),
                    "value": rng.gamma(4.0, size=active.size) * scale[active],
                }
            )
            connection.register("found", found)
            connection.execute("insert into orders from found")
            active = active[(rng.random(active.size) >= leaving[active]) | (when[active] == first[active])]
            when[active] += rng.exponential(size=active.size) / np.maximum(rate[active], 1e-9)
            active = active[when[active] <= DAYS]
        connection.execute(
            f"""copy (select md5('key' || customer) as customer, date '{LAST}' - {DAYS} + day as day,
                round(value, 2) + 0.01 as value
            from orders) to '{file}' (format parquet)"""
        )
    return file


@contextmanager
def clocked(found: dict[str, list[float]], name: str) -> Iterator[None]:
    """Put clock and processor seconds of the body under a name."""
    clock, processor = time.monotonic(), time.process_time()
    yield
    found[name] = [round(time.monotonic() - clock, 3), round(time.process_time() - processor, 3)]


def ours(file: Path) -> dict[str, Any]:
    """Seconds of each part of this product on the orders, all in one file that DuckDB may not let grow past 2 GB
    of memory: the floor; states, fit and scores of one model; a night that chooses a model, and an ordinary night."""
    import duckdb

    from ckm import score, value_model
    from ckm.warehouse import AUDIT_TABLES, SCORE_TABLES, limit

    found: dict[str, list[float]] = {}
    database = file.with_suffix(".duckdb")
    database.unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        limit(connection)
        for schema, tables in (("audit", AUDIT_TABLES), ("scores", SCORE_TABLES)):
            connection.execute(f"create schema {schema}")
            for name, columns in tables.items():
                connection.execute(f"create table {schema}.{name} ({columns})")
        connection.execute("create schema about_customers")
        connection.execute(
            """create table about_customers.fct_order_line (customer_key varchar, order_date date,
                line_kind varchar, is_cancelled boolean, net_revenue decimal(18, 4))"""
        )
        connection.execute(
            f"create table orders as select customer, day, value::decimal(18, 4) as value from '{file}'"
        )
        with clocked(found, "floor"):
            connection.execute(
                """create table floor as select customer, count(distinct day) as days, min(day) as first,
                    max(day) as last, sum(value) as value from orders group by customer"""
            )
        with clocked(found, "states"):
            connection.execute(
                """create table scores.purchase as select customer as customer_key, day as order_date,
                    sum(value)::decimal(18, 4) as purchase_value, 0::decimal(18, 4) as costed_value,
                    0::decimal(18, 4) as purchase_cost from orders group by all"""
            )
            connection.execute(
                "create table scores.rfm_state as select distinct customer_key, true as is_profiling_allowed "
                "from scores.purchase"
            )
            value_model.histories(connection, "known", LAST)
            connection.execute(
                "create or replace table scores.rfm_state as select *, true as is_profiling_allowed from known"
            )
        with clocked(found, "fit"):
            fit = value_model.fit_orders(connection, "scores.rfm_state", ["bg_nbd"])
            gg, shrunken, typical = value_model.fit_order_value(connection, "scores.rfm_state")
        with clocked(found, "scores"):
            model = value_model.ValueModel(LAST, fit, gg, shrunken, "gamma_gamma", 1.0, None, typical, "")
            states = score._states(connection, "scores.rfm_state")
            score._register_state_scores(connection, states, model, 0.1)
            score._make_scores(connection, model, LAST, "EUR")
            score._write(connection)
        connection.execute("delete from scores.clv")
        told = {"night": LAST, "run_id": "1", "reporting_currency": "EUR", "annual_discount_rate": 0.1}
        with clocked(found, "a night that chooses a model"):
            done = score.score(connection, **told)
        with clocked(found, "an ordinary night"):
            score.score(connection, **told)
        law = fit.parameters
    database.unlink()
    return {
        "seconds": found,
        "distinct_states": done.states,
        "chosen": done.model.model_run_id if done.model else done.note,
        "parameters": {name: round(getattr(law, name), 4) for name in ("r", "alpha", "a", "b")},
    }


def environment(rival: str) -> Path:
    """The interpreter of a rival's own environment, made where it lacks."""
    python = FOLDER / rival / "bin" / "python"
    if not python.exists():
        uv = str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(FOLDER / rival)], check=True)
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--python", str(python), RIVALS[rival], "pyarrow"], check=True
        )
    return python


def measured(command: list[str]) -> tuple[str, dict[str, float]]:
    """What a process printed, and its clock, processor and peak memory."""
    clock = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stderr is not None
    out, err = process.stdout.read(), process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} failed: {err[-2000:]}")
    return out, {
        "clock_seconds": round(time.monotonic() - clock, 2),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak_mb": round(used.ru_maxrss / 1024),
    }


def main() -> None:
    """Measure, print one JSON object per run and leave all of them in var/bench/clv.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--only", choices=["ours", *RIVALS], nargs="+", default=["ours", *RIVALS])
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(ours(options.inside)))
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    record = FOLDER / "clv.json"
    runs = json.loads(record.read_text()) if record.exists() else []
    for customers in options.customers:
        file = orders(customers)
        for who in options.only:
            if who == "ours":
                out, used = measured([sys.executable, "-m", "benchmarks.clv", "--inside", str(file)])
                run = {"who": who, "customers": customers} | used | json.loads(out.splitlines()[-1])
            else:
                program = LIFETIMES if who == "lifetimes" else PYMC
                result = str(FOLDER / f"{who}.parquet")
                out, used = measured([str(environment(who)), "-c", program, str(file), str(LAST), result])
                run = {"who": who, "customers": customers} | used | json.loads(out.splitlines()[-1])
            runs.append(run | {"load": round(os.getloadavg()[0], 1)})
            print(json.dumps(runs[-1]), flush=True)
            record.write_text(json.dumps(runs, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
