"""Rows by hand for every object of every source: enough for the systems, which do not ask what rows mean."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckm.contracts import ObjectContract, source_contracts
from ckm.simulate.clock import DAY, Clock
from ckm.simulate.columns import dates, joined, label, moments
from ckm.simulate.company import COMPANY
from ckm.simulate.draws import Draws
from ckm.simulate.systems import SYSTEMS, deliver

SEED, UNTIL = 7, date(2024, 12, 31)
ROWS = 1500
FEW = ("surveys", "questions")
DAYS = 366
_CHANGES_EVERY = 7
_MOVED_AFTER_DAYS = 40


def delivered(folder: Path, until: date = UNTIL, database: str | None = None, rows: int = ROWS) -> pa.Table:
    """Write the systems of a company whose every object has `rows` rows by UNTIL; returns the defects."""
    draws, clock = Draws(SEED), Clock(COMPANY, until)
    objects = {
        source: {
            name: _rows(
                draws,
                clock,
                name,
                spec,
                set(SYSTEMS[source][name].columns),
                rows // 10 if name in FEW else rows,
            )
            for name, spec in contract.objects.items()
        }
        for source, contract in source_contracts().items()
    }
    return deliver(folder, draws, clock, objects, COMPANY, database)


def _rows(
    draws: Draws, clock: Clock, name: str, contract: ObjectContract, known: set[str], count: int
) -> dict[str, Any]:
    """The known columns of rows made one after the other over a year.

    Every seventh customer and complaint changes once more.
    """
    i = np.arange(count)
    made = clock.start * DAY + i * DAYS // count * DAY + 36_000 + i % 7200
    i, made = i[made < clock.end], made[made < clock.end]
    again = made + _MOVED_AFTER_DAYS * DAY
    changes = name in ("customers", "complaints") and (i % _CHANGES_EVERY == 0) & (again < clock.end)
    changed = np.where(changes, again, made)
    values = {
        "string": lambda column: joined(label(f"{column[:3]}-", i), pa.scalar(" Größe Łódź")),
        "integer": lambda column: i % 97,
        "decimal": lambda column: np.round((i % 13) / 4, 2),
        "money": lambda column: np.round(1 + i * 0.37, 2),
        "boolean": lambda column: pa.array(i % 2 == 0, mask=i % 5 == 0),
        "date": lambda column: dates(made // DAY, (i % 4 != 0) | contract.columns[column].required),
        "timestamp": lambda column: moments(changed if column == contract.cursor else made),
    }
    columns = {
        column: values[spec.type](column) for column, spec in contract.columns.items() if column in known
    }
    empty = pc.equal(pa.array(i % 11), 0)
    for column in columns:
        spec = contract.columns[column]
        if spec.type == "string" and not spec.required and column not in contract.key:
            columns[column] = pc.if_else(empty, None, columns[column])
    return {**columns, "_uid": draws.uid(name, i)}
