"""What became of every planted defect."""

from pathlib import Path

import duckdb
from tests.pipeline.record import record_beside

from ckm.simulate.systems.shares import DEFECTS, UNKNOWN_PRODUCTS

# kind → what the rule that must set it aside is called, after the defect's column
RULES = {
    "missing_key": "is_present",
    "impossible_date": "is_readable",
    "text_in_number": "is_readable",
    "future_date": "is_plausible",
    "negative_price": "is_not_negative",
    "unknown_code": "is_known",
    "wrong_encoding": "is_readable_text",
}
# corrected object → where its right value must stand in the end; a city is nowhere but in the private staging
STAR = {
    "crm.customers": "warehouse.staging.stg_crm__customers(customer_id, city)",
    "crm.interactions": "public.about_customers.fct_interaction(interaction_id, subject)",
    "crm.workroom_items": "public.about_customers.fct_workroom_item(item_id, due_on)",
    "complaints.complaints": "public.from_customers.fct_complaint(complaint_id, priority)",
    "surveys.responses": "public.from_customers.fct_survey_response(response_id, language)",
    "knowledge.articles": "public.for_customers.dim_article(article_id, topic)",
}
FATES = ("quarantined", "duplicate", "corrected", "late", "accepted")


def fates(
    folder: Path, home: Path, later: tuple[Path, Path]
) -> list[tuple[str, str, int, int, int, int, int, int]]:
    """(kind, source, planted, *FATES): counts of planted defects, each of which must have one fate.

    Args:
        folder, home: a company and the home that has loaded it.
        later: the same when all corrections are made and all late rows are there.
    """
    with record_beside(*later) as connection:
        connection.execute(f"attach '{home / 'warehouse.duckdb'}' as before (read_only)")
        connection.execute(f"create table planted as from '{folder}/truth/defects.parquet'")
        _find_set_aside(connection, folder)
        _find_logged(connection)
        _find_corrected(connection)
        return connection.execute(
            f"""
            with found as (
                select planted.*,
                    case
                        when exists (
                            select 1 from set_aside
                            join fitting using (source, object, rule)
                            where set_aside.place = planted.place || ' row ' || planted.row
                                and (source, object, kind) = (planted.source, planted.object, planted.kind)
                        ) then 'quarantined'
                        when not is_logged then null
                        when planted.kind = 'duplicate_row' then 'duplicate'
                        when planted.kind = 'late_row' then 'late'
                        when planted.kind = 'unknown_product' and is_accepted then 'accepted'
                        when planted.kind = 'corrected_row' and exists (
                            select 1 from corrected
                            where (source, object, native_key)
                                = (planted.source, planted.object, planted.native_key)
                        ) then 'corrected'
                    end as fate
                from planted
                left join (
                    select source, object, replace(row_key, chr(31), '|') as native_key,
                        true as is_logged, bool_or(product_id in {UNKNOWN_PRODUCTS}) as is_accepted
                    from logged group by all
                ) using (source, object, native_key)
            )
            select kind, source, count(*),
                {", ".join(f"count(*) filter (fate = '{fate}')" for fate in FATES)}
            from found group by kind, source order by all
            """
        ).fetchall()


def set_aside_unplanted(folder: Path, home: Path) -> list[tuple[str, str, str]]:
    """(object, rule, pointer) of the rows in quarantine in which nothing was planted."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home / 'warehouse.duckdb'}' as before (read_only)")
        _find_set_aside(connection, folder)
        return connection.execute(
            f"""
            select object, rule, source_pointer from set_aside
            where not exists (
                select 1 from '{folder}/truth/defects.parquet' as planted
                where planted.source = set_aside.source and planted.object = set_aside.object
                    and planted.place || ' row ' || planted.row = set_aside.place
            )
            """
        ).fetchall()


def _find_set_aside(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """`set_aside`: the quarantine with the place of each row as the truth names it, and the rules that `fitting`
    a kind of defect.

    A database has its own number of a row; of the API's store the row is known again by what it says; a file's
    lines begin with its header, where it has one.
    """
    says = {
        "complaints": ("id", "updatedAt", "text"),
        "complaint_events": ("id", "updatedAt", "complaint", "type"),
    }
    stored = " union all ".join(
        f"select '{name}' as object, _row, [{', '.join(columns)}] as says from '{folder}/complaints/{name}.parquet'"
        for name, columns in says.items()
    )
    told = " ".join(
        f"when '{name}' then [{', '.join(f'''content ->> '{c}' ''' for c in columns)}]"
        for name, columns in says.items()
    )
    connection.execute(
        f"""
        create temp table set_aside as
        select rows.* exclude (object), rows.object,
            case
                when source in ('crm', 'knowledge')
                    then regexp_extract(source_pointer, '^table ([^ ]+) ', 1) || ' row ' || (content ->> 'SatzNr')
                when source = 'complaints' then replace(rows.object, '_', '-') || ' row ' || stored._row
                else source || '/' || split_part(source_pointer, ' ', 1) || ' row ' ||
                    cast(regexp_extract(source_pointer, '([0-9]+)$', 1) as bigint)
                    - case when regexp_matches(source_pointer, '[.](csv|tsv|xlsx) ') then 1 else 0 end
            end as place
        from before.quarantine.rows
        left join ({stored}) as stored
            on rows.source = 'complaints' and stored.object = rows.object
            and stored.says = case rows.object {told} end
        """
    )
    connection.execute("create temp table fitting (source text, object text, kind text, rule text)")
    connection.executemany(
        "insert into fitting values (?, ?, ?, ?)",
        [
            (source, name, defect.kind, f"{defect.column}_{RULES[defect.kind]}")
            for source, objects in DEFECTS.items()
            for name, defects in objects.items()
            for defect in defects
            if defect.kind in RULES
        ],
    )


def _find_logged(connection: duckdb.DuckDBPyConnection) -> None:
    """`logged`: every version of the later raw log, with the product that it names."""
    logs = connection.execute(
        "select schema_name, table_name, bool_or(column_name = 'product_id') from duckdb_columns() "
        "where database_name = 'warehouse' and schema_name like 'raw_%' group by all"
    ).fetchall()
    connection.execute(
        "create temp table logged as "
        + " union all ".join(
            f"select '{schema[4:]}' as source, '{name}' as object, row_key, "
            f"{'product_id' if names_product else 'null'} as product_id from warehouse.{schema}.{name}"
            for schema, name, names_product in logs
        )
    )


def _find_corrected(connection: duckdb.DuckDBPyConnection) -> None:
    """`corrected`: the keys of the objects of STAR whose value in the star is the record's, but for writing."""
    parts = []
    for place, star in STAR.items():
        source, name = place.split(".")
        table, columns = star.rstrip(")").split("(")
        key, column = columns.split(", ")
        parts.append(
            f"select '{source}' as source, '{name}' as object, {key} as native_key from {table} as made "
            f"join {place} as right_one using ({key}) "
            f"where lower(trim(made.{column}::text)) = lower(trim(right_one.{column}::text))"
        )
    connection.execute("create temp table corrected as " + " union all ".join(parts))
