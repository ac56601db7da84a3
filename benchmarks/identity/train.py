"""Train the model that comes with the package on a simulated company, and draw its weights if wanted.

python -m benchmarks.identity.train --version 2 --trained-on 2026-12-01 [--seed 2] [--chart weights.html]
"""

from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import duckdb
import typer

from benchmarks.identity.records import load
from ckm.identity import guards, probabilistic
from ckm.identity.normalise import normalise
from ckm.simulate import simulate

MODEL = Path(__file__).resolve().parents[2] / "plugins" / "ckm" / "identity" / "default_model.json"
UNTIL = date(2025, 12, 31)


def main(
    version: Annotated[str, typer.Option(help="Name of the model.")],
    trained_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Date to write into it.")],
    seed: Annotated[int, typer.Option(help="Of the company; none of those that are measured.")] = 2,
    customers: Annotated[int, typer.Option(min=2_000, help="Customers of the company.")] = 10_000,
    file: Annotated[Path, typer.Option(help="Where to write the model.")] = MODEL,
    chart: Annotated[Path | None, typer.Option(help="Page to draw the weights on.")] = None,
) -> None:
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        systems = Path(folder) / "company"
        simulate(systems, customers=customers, seed=seed, until=UNTIL)
        load(connection, systems)
        normalise(connection, "DE")
        guards.watch(connection)
        model = probabilistic.train(connection, seed=1, version=version, trained_on=f"{trained_on:%Y-%m-%d}")
    model.write(file)
    if chart:
        probabilistic.chart(model, chart)


if __name__ == "__main__":
    typer.run(main)
