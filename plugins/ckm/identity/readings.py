"""What texts read as, kept from one night to the next, so that a night reads only what is new to it.

`identity.reading` holds no text that the records of the night do not have, and none that other rules have read.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import phonenumbers
import pyarrow as pa

SEPARATOR = "\x1f"
"""Between the parts of a text that is read as a whole, in SQL `chr(31)`."""


@cache
def _rules() -> str:
    """What the texts are read by: the code that reads them and the numbering plans of the world."""
    code = b"".join(
        Path(__file__).with_name(f"{name}.py").read_bytes() for name in ("normalise", "short_forms")
    )
    return hashlib.sha256(code + phonenumbers.__version__.encode()).hexdigest()[:16]


def read(
    connection: duckdb.DuckDBPyConnection,
    field: str,
    texts: str,
    function: Callable[[str], str | tuple[str | None, str | None] | None],
    parameters: Sequence[Any] = (),
) -> None:
    """Make the temporary view `normal_<field>` (text, value, other): what each text reads as.

    Args:
        texts: SQL of the texts, as a column `text`.
        function: gives the value, or the value and another.
        parameters: of the SQL.
    """
    connection.execute(
        "create table if not exists identity.reading "
        "(field varchar, text varchar, value varchar, other varchar, rules varchar)"
    )
    connection.execute(
        f"create or replace temp table wanted as select distinct text from ({texts}) where text is not null",
        list(parameters),
    )
    connection.execute(
        "delete from identity.reading where field = ? and (rules <> ? or text not in (from wanted))",
        [field, _rules()],
    )
    new = connection.execute(
        "select text from wanted where text not in (select text from identity.reading where field = ?) order by text",
        [field],
    ).fetch_arrow_table()
    if new.num_rows:
        found = [
            value if isinstance(value, tuple) else (value, None)
            for value in map(function, new["text"].to_pylist())
        ]
        values, others = zip(*found, strict=True)
        read_now = new.append_column("value", pa.array(values, pa.string())).append_column(
            "other", pa.array(others, pa.string())
        )
        connection.register("read_now", read_now)
        connection.execute(
            "insert into identity.reading select ?, text, value, other, ? from read_now", [field, _rules()]
        )
        connection.unregister("read_now")
    connection.execute(
        f"create or replace temp view normal_{field} as "
        f"select text, value, other from identity.reading where field = '{field}'"
    )
