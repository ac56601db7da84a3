"""Public data as the star would hold it, and the contractual sample as a frame."""

from pathlib import Path

import duckdb
import numpy as np

from ckm.churn.frame import Floats, Frame

LINES = (
    "customer_key, order_date, line_kind, false as is_cancelled, net_revenue, date '1900-01-01' as known_on"
)


def cdnow(folder: Path) -> duckdb.DuckDBPyConnection:
    """CDNOW's whole cohort as `about_customers.fct_order_line`."""
    return _star(
        f"""
        select part[1] as customer_key, strptime(part[2], '%Y%m%d')::date as order_date, 'sale' as line_kind,
            part[4]::decimal(18, 4) as net_revenue
        from (
            select regexp_split_to_array(trim(line, chr(13) || ' '), ' +') as part
            from read_csv('{folder / "cdnow_master.txt"}', header = false, skip = 1, delim = '|', quote = '',
                columns = {{'line': 'varchar'}})
        )
        """
    )


def shop(folder: Path) -> duckdb.DuckDBPyConnection:
    """The online shop's invoice lines as `about_customers.fct_order_line`."""
    return _star(
        f"""
        select "Customer ID"::varchar as customer_key, InvoiceDate::date as order_date,
            case when Invoice like 'C%' or Quantity < 0 then 'return' else 'sale' end as line_kind,
            (Quantity * Price)::decimal(18, 4) as net_revenue
        from '{folder / "online_retail_2009_2010.parquet"}' where "Customer ID" is not null
        """
    )


def telco(folder: Path) -> tuple[Frame, Floats]:
    """The contractual sample: features, and 1 for each customer who left."""
    columns = duckdb.sql(
        f"from read_csv('{folder / 'telco_customer_churn.csv'}', all_varchar = true)"
    ).fetchnumpy()
    left = np.array([text == "Yes" for text in columns.pop("Churn")], dtype=float)
    del columns["customerID"]
    values, categories = [], {}
    for name, texts in columns.items():
        if name in ("tenure", "MonthlyCharges", "TotalCharges"):
            values.append(np.array([float(text) if text and text.strip() else np.nan for text in texts]))
        else:
            labels, positions = np.unique(np.asarray(texts, dtype=str), return_inverse=True)
            categories[name] = tuple(labels.tolist())
            values.append(positions.astype(float))
    return Frame(tuple(columns), np.column_stack(values), categories), left


def _star(lines: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("create schema about_customers")
    connection.execute(f"create table about_customers.fct_order_line as select {LINES} from ({lines})")
    return connection
