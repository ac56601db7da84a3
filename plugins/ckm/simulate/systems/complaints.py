"""The complaint system: what its API shows, and the store of Parquet files behind it (`ckm serve`).

A dot in a column's name is a level of the API's JSON: `complainant.email` is `{"complainant": {"email": …}}`.
"""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckm.contracts import object_contract
from ckm.simulate.clock import Clock
from ckm.simulate.draws import Draws
from ckm.simulate.systems.described import Described, columns
from ckm.simulate.systems.shown import located, shown
from ckm.warehouse import literal, quoted

UPDATED, ROW = "_updated_at", "_row"
"""Columns of the store for the API's own use: the last change in UTC, and the place in the order of changes."""

_ROW_GROUP = 20_480

COMPLAINTS: dict[str, Described] = {
    "complaints": Described(
        "complaints",
        columns(
            "complaint_id:id customer_id:complainant.customerNumber complainant_id:complainant.id "
            "full_name:complainant.name company_name:complainant.company email:complainant.email "
            "phone:complainant.phone postal_code:complainant.address.zip city:complainant.address.city "
            "order_id:orderNumber product_id:articleNumber category:category subcategory:subcategory "
            "channel:channel priority:priority status:status resolution:resolution root_cause:rootCause "
            "received_by_employee_id:staff.receivedBy owner_employee_id:staff.owner "
            "resolved_by_employee_id:staff.resolvedBy received_at:receivedAt "
            "first_action_at:firstActionAt due_at:dueAt resolved_at:resolvedAt closed_at:closedAt "
            "is_timely:inTime is_disputed:disputed compensation_amount:compensation.amount "
            "currency_code:compensation.currency complaint_text:text updated_at:updatedAt"
        ),
        unmapped={"queue": "B2C"},
        settings={
            "records": "data",
            "page": {"style": "number", "parameter": "page", "size_parameter": "page_size", "size": 500},
        },
    ),
    "complaint_events": Described(
        "complaint-events",
        columns(
            "event_id:id complaint_id:complaint employee_id:staff.id event_type:type channel:channel "
            "note:note occurred_at:occurredAt updated_at:updatedAt"
        ),
        settings={
            "records": "items",
            "page": {
                "style": "cursor",
                "parameter": "cursor",
                "next": "paging.next",
                "size_parameter": "limit",
                "size": 500,
            },
        },
    ),
}


def store_file(folder: Path, name: str) -> Path:
    """Where the store under `folder` keeps an object."""
    return folder / "complaints" / f"{name}.parquet"


def write_store(
    folder: Path, draws: Draws, clock: Clock, objects: dict[str, dict], time_zone: str
) -> list[pa.Table]:
    """Write the store in the order of (last change, id), each file replaced at once; return the defects."""
    found = []
    for name, columns_of in objects.items():
        described, contract = COMPLAINTS[name], object_contract("complaints", name)
        (result,) = shown(draws, clock, "complaints", name, described, columns_of, batch_rows=None)
        cursor, key = (described.columns[c] for c in (contract.cursor, *contract.key))
        sorted_by = pa.table({"changed": result.rows[cursor], "id": pc.fill_null(result.rows[key], "")})
        order = pc.sort_indices(sorted_by, [("changed", "ascending"), ("id", "ascending")]).to_numpy()
        number = np.empty(order.size, dtype=np.int64)
        number[order] = np.arange(1, order.size + 1)
        rows = result.rows.take(pa.array(order)).append_column(ROW, pa.array(number[order]))
        types = {own: contract.columns[c].type for c, own in described.columns.items()}
        _write(store_file(folder, name), rows, types, cursor, time_zone)
        place = pa.array(number).take(pc.subtract(result.defects["row"], 1).combine_chunks())
        defects = result.defects.set_column(2, "row", place)
        found.append(located("complaints", name, described.place, defects))
    return found


def _write(file: Path, rows: pa.Table, types: dict[str, str], cursor: str, time_zone: str) -> None:
    """Moments as ISO text with the zone's offset, as the API gives them; no moment is a winter's one."""
    zone, shown_as = literal(time_zone), []
    for own in rows.column_names:
        if types.get(own) == "timestamp":
            text, moment = f"{quoted(own)}::varchar", f"try_cast({quoted(own)}::varchar as timestamp)"
            minutes = f"((epoch({moment}) - epoch({moment} at time zone {zone})) / 60)::integer"
            offset = f"printf('%+03d:%02d', {minutes} // 60, {minutes} % 60)"
            shown_as.append(f"replace({text}, ' ', 'T') || coalesce({offset}, '+01:00') as {quoted(own)}")
        else:
            shown_as.append(quoted(own))
    updated = f"({quoted(cursor)} at time zone {zone}) at time zone 'UTC' as {UPDATED}"
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    with duckdb.connect() as connection:
        connection.register("shown", rows)
        connection.execute(
            f"copy (select {', '.join(shown_as)}, {updated} from shown) "
            f"to {literal(str(new))} (format parquet, row_group_size {_ROW_GROUP})"
        )
    new.replace(file)
