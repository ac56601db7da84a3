"""What texts read as: each distinct text once, so that the cost grows with what is written and not with how often."""

from collections.abc import Callable, Sequence
from typing import Any

import duckdb
import pyarrow as pa

SEPARATOR = "\x1f"
"""Between the parts of a text that is read as a whole, in SQL `chr(31)`."""


def read(
    connection: duckdb.DuckDBPyConnection,
    field: str,
    texts: str,
    function: Callable[[str], str | tuple[str | None, str | None] | None],
    parameters: Sequence[Any] = (),
) -> None:
    """Make the temporary table `normal_<field>` (text, value, other): what each text reads as.

    Args:
        texts: SQL of the texts, as a column `text`.
        function: gives the value, or the value and another.
        parameters: of the SQL.
    """
    written = connection.execute(
        f"select distinct text from ({texts}) where text is not null order by text", list(parameters)
    ).fetch_arrow_table()
    found = [
        value if isinstance(value, tuple) else (value, None)
        for value in map(function, written["text"].to_pylist())
    ]
    for name, column in (("value", [v for v, _ in found]), ("other", [o for _, o in found])):
        written = written.append_column(name, pa.array(column, pa.string()))
    connection.register("written", written)
    connection.execute(f"create or replace temp table normal_{field} as from written")
    connection.unregister("written")
