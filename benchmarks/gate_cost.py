"""What the gates cost: the first load of a shop with them and without, their memory, and the cost of a rule.

    python -m benchmarks.gate_cost [--lines 5000000] [--memory 1000000 --memory 10000000]

Each load is a process of its own. Without the gates, the same rows are extracted, typed, keyed, compared and
taken in, but of each table only one rule is judged. Memory is the process's highest resident size while GX
judges the order lines, above what it held when GX began.
"""

import json
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import duckdb
import typer
from rich.console import Console

from ckm.console import table
from ckm.settings import load_settings, set_tool_defaults

set_tool_defaults()

NIGHT = date(2025, 12, 31)
SOURCES = """
company: {name: Shop, time_zone: Europe/Berlin}
sources:
  crm:
    transport: files
    path: .
    objects:
      customers: {file: customers.parquet}
      products: {file: products.parquet}
      orders: {file: orders.parquet}
      order_lines: {file: order_lines.parquet}
"""
SHOP = {
    "customers": """select 'C' || n as customer_id, 'person' as customer_type, 'DE' as country,
        timestamp '2024-01-01' as created_at, timestamp '2024-01-01' as updated_at from range({lines} // 40) t(n)""",
    "products": """select 'P' || n as product_id, 'Product ' || n as product_name, 'c' || n % 20 as category,
        5 + n % 90 as list_price, 'EUR' as currency_code, timestamp '2024-01-01' as updated_at from range(2000) t(n)""",
    "orders": """select 'A' || n as order_id, 'C' || hash(n) % ({lines} // 40) as customer_id, 'sale' as order_type,
        'completed' as status, timestamp '2024-01-01' + interval (n % 720) day as ordered_at, 'EUR' as currency_code,
        ['web', 'shop', 'phone'][1 + n % 3] as channel, timestamp '2024-01-01' + interval (n % 720) day as updated_at
        from range({lines} // 4) t(n)""",
    "order_lines": """select 'A' || n // 4 as order_id, n % 4 + 1 as line_number, 'P' || hash(n) % 2000 as product_id,
        1 + n % 3 as quantity, case when n % {every} = 0 then -1 else 5 + n % 90 end as unit_price,
        n % 2 as discount_amount, 3 + n % 40 as unit_cost, 'EUR' as currency_code,
        timestamp '2024-01-01' + interval (n // 4 % 720) day as updated_at from range({lines}) t(n)""",
}


def open_shop(folder: Path, lines: int, *, broken_every: int = 1000) -> None:
    """Write a shop of so many order lines, one in so many of them with a negative price."""
    folder.mkdir(parents=True)
    (folder / "sources.yml").write_text(SOURCES)
    with duckdb.connect() as connection:
        for name, query in SHOP.items():
            file = folder / f"{name}.parquet"
            connection.execute(
                f"copy ({query.format(lines=lines, every=broken_every)}) to '{file}' (format parquet)"
            )


def load(folder: Path, *, gates: bool, whole: bool) -> dict[str, Any]:
    """Load the shop in this process: seconds per step, and per judged table seconds, rules and bytes."""
    from great_expectations import ExpectationSuite

    from ckm import nightly
    from ckm.gate.check import GateSession

    judged: dict[str, Any] = {}
    run = GateSession.run

    def measured(self: GateSession, suite: Any, schema: str, name: str) -> Any:
        if not gates:
            first = [suite.expectations[0].configuration.to_json_dict()]  # the least that can be judged
            return run(self, ExpectationSuite(name=suite.name, expectations=first), schema, name)
        Path("/proc/self/clear_refs").write_text("5")  # from here on, the peak is GX's
        before, began = resident("VmRSS"), time.perf_counter()
        results = run(self, suite, schema, name)
        judged[suite.name] = {
            "seconds": time.perf_counter() - began,
            "rules": len(results),
            "megabytes": (resident("VmHWM") - before) / 1024,
        }
        return results

    GateSession.run = measured
    settings = load_settings(home=folder / f"home-{gates}", sources=folder / "sources.yml")
    night = nightly.prepare(settings, settings.sources, NIGHT)
    steps: dict[str, float] = {}
    for step in nightly.STEPS:
        if whole or step.name in ("extract", "gate_raw"):
            began = time.perf_counter()
            step.run(night, "crm") if step.per_source else step.run(night)
            steps[step.name] = time.perf_counter() - began
    return {"steps": steps, "judged": judged, "peak": resident("VmHWM") / 1024}


def resident(figure: str) -> int:
    """The process's resident kilobytes now (VmRSS) or at their highest (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(figure)).split()[1])


def _in_a_process_of_its_own(folder: Path, *, gates: bool, whole: bool) -> dict[str, Any]:
    words = [sys.executable, "-m", "benchmarks.gate_cost", "--folder", str(folder)]
    words += ["--gates" if gates else "--no-gates", "--whole" if whole else "--no-whole"]
    said = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    return json.loads(said.splitlines()[-1])


def main(
    lines: Annotated[int, typer.Option(help="Order lines of the load that is timed.")] = 5_000_000,
    memory: Annotated[list[int] | None, typer.Option(help="Order lines to measure memory at.")] = None,
    folder: Annotated[Path | None, typer.Option(hidden=True)] = None,
    gates: Annotated[bool, typer.Option(hidden=True)] = True,
    whole: Annotated[bool, typer.Option(hidden=True)] = True,
) -> None:
    """Print seconds with and without the gates as a ratio, the cost of a rule, and GX's memory."""
    if folder:
        print(json.dumps(load(folder, gates=gates, whole=whole)))
        return
    screen = Console(width=120)
    with tempfile.TemporaryDirectory() as shop:
        timed = Path(shop) / "timed"
        open_shop(timed, lines)
        without = _in_a_process_of_its_own(timed, gates=False, whole=True)["steps"]
        measured = _in_a_process_of_its_own(timed, gates=True, whole=True)
        steps = measured["steps"]
        rows = [(name, round(steps[name], 1), round(without[name], 1)) for name in steps]
        total, bare = sum(steps.values()), sum(without.values())
        screen.print(
            table(
                f"{lines:,} order lines, seconds",
                ("step", "with gates", "without"),
                [*rows, ("all", round(total, 1), round(bare, 1))],
            )
        )
        screen.print(f"The load with all gates takes {total / bare:.2f} times what it takes without.\n")
        of_lines = measured["judged"]["raw.crm.order_lines"]
        each = 1000 * of_lines["seconds"] / of_lines["rules"]
        screen.print(
            f"{of_lines['rules']} rules over the order lines: {of_lines['seconds']:.1f} s, {each:.0f} ms a rule.\n"
        )
        sizes = []
        for size in memory or [1_000_000, 10_000_000]:
            place = Path(shop) / f"memory-{size}"
            open_shop(place, size)
            found = _in_a_process_of_its_own(place, gates=True, whole=False)
            judged = found["judged"]["raw.crm.order_lines"]
            sizes.append(
                (f"{size:,}", round(judged["megabytes"]), round(judged["seconds"], 1), round(found["peak"]))
            )
        columns = ("order lines", "MB while GX judges them", "seconds", "MB of the process")
        screen.print(table("memory", columns, sizes))


if __name__ == "__main__":
    typer.run(main)
