from datetime import date, datetime

import duckdb
import pytest

from ckm.bulk import insert_rows

COLUMNS = ("id", "day", "moment", "share", "text", "is_it")


@pytest.fixture
def connection():
    with duckdb.connect() as opened:
        opened.execute(
            "create table figures (text varchar default 'left out', id bigint, day date, moment timestamp, "
            "share double, is_it boolean, other varchar default 'its default')"
        )
        yield opened


def test_rows_arrive_as_they_are_whatever_the_order_of_columns(connection):
    given = [
        (1, date(2025, 12, 31), datetime(2025, 12, 31, 2, 30), 1, 'it\'s "quoted"; --', True),
        (2**40, None, None, 0.1, "ünïcode\n", None),
    ]
    insert_rows(connection, "figures", COLUMNS, given)
    assert connection.execute(f"select {', '.join(COLUMNS)} from figures order by id").fetchall() == given
    assert connection.execute("select distinct other from figures").fetchall() == [("its default",)]


def test_a_column_that_holds_nothing_is_null(connection):
    insert_rows(connection, "figures", COLUMNS, [(n, None, None, None, None, None) for n in range(3)])
    assert connection.execute("select count(*), count(text), count(moment) from figures").fetchone() == (
        3,
        0,
        0,
    )


def test_no_rows_are_no_statement(connection):
    insert_rows(connection, "no_such_table", COLUMNS, [])  # a statement would be refused
    insert_rows(connection, "figures", COLUMNS, [])
    assert connection.execute("select count(*) from figures").fetchone() == (0,)


def test_they_belong_to_the_transaction_that_is_open(connection):
    connection.begin()
    insert_rows(connection, "figures", ("id",), [(1,), (2,)])
    connection.rollback()
    assert connection.execute("select count(*) from figures").fetchone() == (0,)


def test_rows_of_different_length_are_refused(connection):
    with pytest.raises(ValueError, match="shorter"):
        insert_rows(connection, "figures", ("id", "text"), [(1, "one"), (2,)])
