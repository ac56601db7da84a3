"""What dbt's DuckDB connections share with our own: `profiles.yml` names this module as a plugin of dbt-duckdb."""

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from ckm.warehouse import limit


class Plugin(BasePlugin):
    """Limits every database that dbt opens as `ckm.warehouse.connect` does."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        limit(conn)
