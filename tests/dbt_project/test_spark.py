"""The compiled models also read as Spark SQL."""

import pytest
import sqlglot

from .conftest import Nights, Warehouse

pytestmark = pytest.mark.slow


def refused(compiled: dict[str, str]) -> dict[str, str]:
    problems = {}
    for name, sql in compiled.items():
        try:
            sqlglot.transpile(sql, read="duckdb", write="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)
        except sqlglot.errors.SqlglotError as error:
            problems[name] = str(error)
    return problems


def test_models_of_a_first_load_transpile(empty_build: Warehouse) -> None:
    compiled = empty_build.compiled()
    assert len(compiled) > 30
    assert refused(compiled) == {}


def test_models_of_a_later_night_transpile(nights: Nights) -> None:
    assert "loaded_months" in nights.compiled["base_order_line"]
    assert refused(nights.compiled) == {}


def test_no_model_asks_for_the_clock_or_leans_on_one_engine(empty_build: Warehouse) -> None:
    banned = ("current_timestamp", "current_date", "now()", " qualify ", "filter (where", "concat(")
    leaning = [
        (name, word) for name, sql in empty_build.compiled().items() for word in banned if word in sql.lower()
    ]
    assert leaning == []
