"""Whatever happens to a table and whatever a person decides, over any nights: the ledger is exact, nothing is lost."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.plugins.gate.loading import Gate
from tests.plugins.gate.naive import FULL_COMPARISON_DAYS
from tests.plugins.gate.sequences import KEYS, Loaded, sources_of

from ckm import warehouse

IS_DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
EXAMPLES = 400 if IS_DEEP else 15
PHASES = (Phase.generate, Phase.shrink) if IS_DEEP else (Phase.generate,)  # to shrink takes minutes

keys = st.sampled_from(KEYS)
# When a row says that it changed: on the day (often at the same moment), before it, just after, far off, or not at all.
stamps = st.sampled_from(
    ["10:00:00", "10:00:00", "10:00:00.000001", "23:59:59.999999", "same", "same", "none", "1", "2", "3", "5",
     "-1", "-400", "unreadable"]
)  # fmt: skip
quantities = st.sampled_from(["1", "2", "3", "many"])
prices = st.sampled_from(["5", "5", "6", "-5"])
changes = st.one_of(
    st.tuples(st.just("put"), keys, quantities, prices, stamps),
    st.tuples(st.just("put"), keys, st.sampled_from(["1", "2", "3"]), st.just("5"), stamps),
    st.tuples(st.just("beside"), keys, quantities, prices, stamps),
    st.tuples(st.just("copy"), keys),
    st.tuples(st.just("delete"), keys),
    st.tuples(st.just("restore"), keys, st.integers(0, 5)),
    st.tuples(st.just("nameless"), st.booleans()),
)
decisions = st.tuples(
    st.sampled_from(["as it came", "mended", "mended", "discard", "rule"]), st.integers(0, 9)
)
nights = st.tuples(st.integers(1, 2), st.lists(changes, max_size=8), st.lists(decisions, max_size=3))
programs = st.lists(nights, min_size=2, max_size=5)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a warehouse that nothing was loaded into, and a system without rows."""
    folder = tmp_path_factory.mktemp("prepared")
    with warehouse.connect(folder / "warehouse.duckdb") as connection:
        warehouse.prepare(connection)
    sources_of(folder)
    return folder


@contextmanager
def company(prepared: Path) -> Iterator[Loaded]:
    with tempfile.TemporaryDirectory() as place:
        folder = shutil.copytree(prepared, Path(place) / "company")
        with warehouse.connect(folder / "warehouse.duckdb") as connection:
            yield Loaded(Gate(folder, connection), folder / "sources.yml")


@settings(
    derandomize=True, max_examples=EXAMPLES, deadline=None, database=None, phases=PHASES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(program=programs)
def test_any_sequence_of_nights_loses_nothing(prepared: Path, program: list[Any]) -> None:
    with company(prepared) as loaded:
        for gap, changes, decisions in program:
            for change in changes:
                loaded.table.change(loaded.day, *change)
            for decision in decisions:
                loaded.decide(*decision)
            night(loaded)
            loaded.day += timedelta(days=gap)
        loaded.day += timedelta(days=FULL_COMPARISON_DAYS)
        night(loaded)
        ((counted,),) = loaded.gate.rows("select sum(loaded + renewed + deleted) from audit.load_ledger")
        assert loaded.gate.rows("select count(*) from raw_crm.order_lines") == [(counted,)]


def night(loaded: Loaded) -> None:
    loaded.give()
    ledger = loaded.gate.load(loaded.sources, loaded.day.isoformat(), {})["order_lines"]
    loaded.compare(ledger, f"run-{loaded.gate.runs}")
