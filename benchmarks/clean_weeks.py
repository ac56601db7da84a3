"""How often the gates cry wolf: clean weeks of simulated companies, each with another seed.

    python -m benchmarks.clean_weeks --seeds 20 [--first 1] [--customers 1000]

Each company's history is loaded, seven nights give the gates what to compare with, and of the seven after
them every rule that warns or stops is a false alarm. Rows that are set aside are not: the systems have
defects of their own, which the row rules are there to find.
"""

import tempfile
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from benchmarks.company import Company, alarms
from ckm.console import table

HISTORY_UNTIL = date(2025, 11, 30)
COMPARED, JUDGED = 7, 7


def clean_week(seed: int, customers: int) -> tuple[int, list[tuple[int, date, str, str, str]]]:
    """The number of verdicts of a week, and its alarms: seed, night, object, rule, outcome."""
    judged, cried = 0, []
    with tempfile.TemporaryDirectory() as folder:
        company = Company(Path(folder), customers=customers, seed=seed)
        company.live_until(HISTORY_UNTIL)
        with company.open_for_business():
            for number in range(1 + COMPARED + JUDGED):
                night = HISTORY_UNTIL + timedelta(days=number)
                company.live_until(night)
                outcomes = company.night(night)
                if number > COMPARED:
                    judged += sum(found.outcome != "skipped" for found in outcomes.values())
                    cried += [
                        (seed, night, *place, found.outcome) for place, found in alarms(outcomes).items()
                    ]
    return judged, cried


def main(
    seeds: Annotated[int, typer.Option(min=1)] = 20,
    first: Annotated[int, typer.Option(min=1)] = 1,
    customers: Annotated[int, typer.Option(min=100)] = 1000,
) -> None:
    """Print every false alarm and their rate per verdict and per night."""
    screen = Console(width=120)
    judged, cried = 0, []
    for seed in track(range(first, first + seeds), "clean weeks", console=screen):
        verdicts, alarmed = clean_week(seed, customers)
        judged, cried = judged + verdicts, cried + alarmed
        screen.print(f"seed {seed}: {verdicts:,} verdicts, {len(alarmed)} alarms")
        for row in alarmed:
            screen.print("   ", *row)
    per_rule = Counter((place, rule, outcome) for *_, place, rule, outcome in cried)
    if per_rule:
        rows = [(*key, count) for key, count in per_rule.most_common()]
        screen.print(table("false alarms", ("object", "rule", "outcome", "times"), rows))
    nights = seeds * JUDGED
    noisy = len({(seed, night) for seed, night, *_ in cried})
    screen.print(
        f"{len(cried)} false alarms among {judged:,} verdicts ({len(cried) / judged:.2e} each); "
        f"{noisy} of {nights} nights raised one ({noisy / nights:.1%})."
    )


if __name__ == "__main__":
    typer.run(main)
