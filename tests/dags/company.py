"""A tiny company of CSV files, which a night loads in seconds."""

import csv
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

SOURCES = """
company:
  name: Tiny
  time_zone: Europe/Berlin
sources:
  crm:
    transport: files
    path: .
    objects:
      customers: {file: customers.csv, required: true}
      products: {file: products.csv}
      orders: {file: orders.csv}
      order_lines: {file: order_lines.csv}
"""


def write_company(folder: Path) -> Path:
    """Fifty customers, five products, 250 orders; returns its sources.yml."""
    chance = random.Random(1)
    early = "2025-01-01T00:00:00Z"
    orders: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    for number in range(250):
        day = date(2025, 1, 1) + timedelta(days=chance.randrange(340))
        moment, order_id = f"{day}T10:00:00Z", f"O{number}"
        customer_id = f"C{chance.randrange(45)}"
        orders.append(
            {
                "order_id": order_id,
                "customer_id": customer_id,
                "ordered_at": moment,
                "currency_code": "EUR",
                "updated_at": moment,
            }
        )
        lines += [
            {
                "order_id": order_id,
                "line_number": line + 1,
                "product_id": f"P{chance.randrange(5)}",
                "quantity": 1,
                "unit_price": 10 + chance.randrange(90),
                "updated_at": moment,
            }
            for line in range(chance.randrange(1, 3))
        ]
    tables = {
        "customers": [
            {"customer_id": f"C{n}", "last_name": f"Name{n}", "created_at": early, "updated_at": early}
            for n in range(50)
        ],
        "products": [
            {"product_id": f"P{n}", "product_name": f"Product {n}", "updated_at": early} for n in range(5)
        ],
        "orders": orders,
        "order_lines": lines,
    }
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
    sources = folder / "sources.yml"
    sources.write_text(SOURCES)
    return sources
