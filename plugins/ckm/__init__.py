"""CKM Warehouse: nightly loads of customer knowledge into a DuckDB warehouse."""

__version__ = "0.3.0"
