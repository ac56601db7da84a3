"""How records are brought into a source: files of every format, tables, and the answers of an API."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook
from tests.plugins.extract.api import Answer, Asked

from benchmarks.reliability.bench import Bench
from benchmarks.reliability.records import Record, State


def text(
    *items: Record | str,
    delimiter: str = ",",
    end: str = "\n",
    encoding: str = "utf-8",
    header: str | None = None,
) -> State:
    """A file of lines below a header with the records' columns; what is no record is a line of its own."""
    records = tuple(item for item in items if isinstance(item, Record))
    columns = max((record.cells for record in records), key=len)
    lines: list[bytes | str] = [delimiter.join(columns) if header is None else header]
    lines += [item if isinstance(item, str) else _line(item, delimiter) for item in items]
    if any(isinstance(line, bytes) for line in lines):  # several encodings in one file
        return content(
            b"".join(line if isinstance(line, bytes) else (line + end).encode() for line in lines), *records
        )
    return content("".join(f"{line}{end}" for line in lines).encode(encoding), *records)


def json_lines(*items: Record | str) -> State:
    """A file of JSON objects, a line each."""
    records = tuple(item for item in items if isinstance(item, Record))
    lines = [item if isinstance(item, str) else _object(item) for item in items]
    return content("".join(f"{line}\n" for line in lines).encode(), *records)


def content(data: bytes, *records: Record, name: str | None = None) -> State:
    """A file of these bytes, which hold the records, beside the files that are there."""

    def place(bench: Bench) -> None:
        (bench.folder / name if name else bench.file).write_bytes(data)

    return State(records, place)


def both(*states: State) -> State:
    """Several files at once."""

    def place(bench: Bench) -> None:
        for state in states:
            state.place(bench)

    return State(tuple(record for state in states for record in state.records), place)


def sheet(
    *records: Record, rows: Sequence[Sequence[Any]], change: Callable[[Any], None] = lambda sheet: None
) -> State:
    """A workbook of these rows, which hold the records."""

    def place(bench: Bench) -> None:
        book = Workbook()
        for row in rows:
            book.active.append(list(row))
        change(book.active)
        book.save(bench.file)

    return State(records, place)


def parquet(*records: Record, cut: int = 0, types: dict[str, pa.DataType] | None = None) -> State:
    """A Parquet file, the last `cut` bytes of it missing."""

    def place(bench: Bench) -> None:
        table = pa.Table.from_pylist([dict(record.cells) for record in records])
        for name, kind in (types or {}).items():
            table = table.set_column(table.column_names.index(name), name, table[name].cast(kind))
        pq.write_table(table, bench.file)
        if cut:
            bench.file.write_bytes(bench.file.read_bytes()[:-cut])

    return State(records, place)


def table(
    *records: Record, types: dict[str, str] | None = None, then: Callable[[Bench], Any] | None = None
) -> State:
    """A table `items` of just these rows; `then` does something more to the database."""

    def place(bench: Bench) -> Any:
        names = list(records[0].cells)
        columns = ", ".join(f'"{name}" {(types or {}).get(name, "text")}' for name in names)
        bench.run(
            "drop view if exists shown", "drop table if exists items", f"create table items ({columns})"
        )
        for record in records:
            insert(bench, record)
        return then(bench) if then else None

    return State(records, place)


def insert(bench: Bench, record: Record) -> None:
    """One row more in the table `items`."""
    columns = ", ".join(f'"{name}"' for name in record.cells)
    bench.run(
        f"insert into items ({columns}) values ({', '.join(f':{name}' for name in record.cells)})",
        **record.cells,
    )


def pages(
    *given: Sequence[Record], reply: Callable[[Asked], Answer | None] = lambda asked: None, **meta: Any
) -> State:
    """An API whose pages hold these records; `reply` is asked first."""
    records = [record for page in given for record in page]

    def answer(asked: Asked) -> Answer | None:
        special = reply(asked)
        if special is not None or not asked.path.endswith("items"):
            return special
        page = given[asked.page - 1] if asked.page <= len(given) else ()
        return Answer(f'{{"data": [{", ".join(map(_object, page))}], "meta": {json.dumps(meta)}}}')

    def place(bench: Bench) -> None:
        bench.api.asked.clear()
        bench.api.reply = answer

    return State(tuple(records), place)


def once(*answers: Answer) -> Callable[[Asked], Answer | None]:
    """These answers to the first requests for the endpoint, and then the usual ones."""
    return lambda asked: answers[asked.number - 1] if asked.number <= len(answers) else None


def always(answer: Answer) -> Callable[[Asked], Answer | None]:
    """The same answer to every request for the endpoint."""
    return lambda asked: answer


def _line(record: Record, delimiter: str) -> bytes | str:
    if record.written is not None:
        return record.written
    return "\n".join(record.lines) if record.lines else record.line(delimiter)


def _object(record: Record) -> str:
    if isinstance(record.written, str):
        return record.written
    return record.lines[0] if record.lines else json.dumps(record.cells, ensure_ascii=False)
