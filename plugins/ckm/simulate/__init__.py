"""A believable company: its source systems, its `sources.yml`, and the truth behind them."""

from datetime import date
from pathlib import Path

from ckm.errors import ConfigurationError
from ckm.simulate.company import COMPANY
from ckm.simulate.draws import Draws
from ckm.simulate.life import live
from ckm.simulate.systems import deliver
from ckm.simulate.truth import write_truth


def simulate(folder: Path, *, customers: int, seed: int, until: date, database: str | None = None) -> None:
    """Write the systems, `sources.yml` and `truth/` under `folder`, as they stand at the end of `until`.

    `customers` is the number won in the company's first two years; more come at the same pace afterwards.
    The same seed gives the same company: a later `until` adds what happened since and shows the newest
    version of rows that changed, and changes nothing else. `database` is the SQLAlchemy address of the
    database for the CRM and the knowledge base; without it they are a file in the folder.

    Raises:
        ConfigurationError: `customers` is below 1, `until` lies before the company's start, or the database
            refuses.
    """
    if customers < 1:
        raise ConfigurationError(f"--customers must be at least 1, not {customers}.")
    if until < COMPANY.start:
        raise ConfigurationError(f"--until must not be before {COMPANY.start}, the company's start: {until}.")
    draws = Draws(seed)
    life = live(COMPANY, draws, customers=customers, until=until)
    defects = deliver(folder, draws, life.clock, life.objects, COMPANY, database=database)
    write_truth(folder, COMPANY, draws, life, defects, customers=customers, until=until)
