"""Three nights of a simulated company, from its files to what is published."""

import csv
import hashlib
import hmac
import os
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import yaml
from tests.conftest import Finished
from tests.pipeline.conftest import NIGHTS, Company, contents, published, rows

from ckm.home import Home

pytestmark = pytest.mark.slow

STAR_AND_MARTS = ("core", "about_customers", "marts")


def test_reader_saw_only_whole_versions(company: Company) -> None:
    seen = company.reader["seen"]
    assert company.reader["reads"] > 100
    assert [view[0] for view in seen] == [f"{night}.1" for night in NIGHTS]
    assert [view[2] for view in seen] == [[night] for night in NIGHTS]
    assert len({view[1] for view in seen}) == 1
    assert seen[0][3] < seen[1][3] <= seen[2][3]


def test_every_row_is_accounted_for(company: Company) -> None:
    unbalanced = rows(
        company.home,
        "from audit.load_ledger "
        "where extracted + replayed <> loaded + unchanged + duplicate + quarantined + suppressed",
    )
    assert unbalanced == []
    first, second = rows(
        company.home,
        f"select sum(loaded), sum(unchanged) from audit.load_ledger where as_of_date <= '{NIGHTS[1]}' "
        "group by run_id order by run_id",
    )
    assert first[0] > 10_000 and first[1] == 0
    assert 0 < second[0] < 100


def test_quarantine_counts_equal_the_ledger(company: Company) -> None:
    with duckdb.connect(str(company.home / "warehouse.duckdb"), read_only=True) as warehouse:
        kept = dict(warehouse.execute("select object, count(*) from quarantine.rows group by 1").fetchall())
        loaded = warehouse.execute(
            "select object, sum(loaded) from audit.load_ledger group by 1 having sum(loaded) > 0"
        ).fetchall()
        for name, count in loaded:
            assert warehouse.execute(f"select count(*) from raw_crm.{name}").fetchone()[0] == count
    first = dict(
        rows(
            company.home, f"select object, quarantined from audit.load_ledger where run_id = '{NIGHTS[0]}.1'"
        )
    )
    for name, count in first.items():
        assert kept.get(name, 0) >= count


def test_every_planted_defect_is_set_aside_or_accounted_for(company: Company) -> None:
    """By file and line: what is broken is in quarantine, copies are counted, codes without product are kept."""
    defects = duckdb.sql(f"from '{company.folder}/truth/defects.parquet'")
    with duckdb.connect(str(company.home / "warehouse.duckdb"), read_only=True) as warehouse:
        warehouse.register("defects", defects.to_arrow_table())
        found = warehouse.execute(
            """
            select kind, count(*), count(quarantine_id)
            from defects
            left join quarantine.rows on 'crm/' || source_pointer = file || ' row ' || (line - 1)
            group by kind
            """
        ).fetchall()
        duplicates = warehouse.execute("select sum(duplicate) from audit.load_ledger").fetchone()[0]
    by_kind = {kind: (planted, quarantined) for kind, planted, quarantined in found}
    for kind in ("impossible_date", "text_in_number", "missing_key", "negative_price", "future_date"):
        planted, quarantined = by_kind[kind]
        assert planted == quarantined > 0, kind
    assert duplicates >= by_kind["duplicate_row"][0] > 0
    assert by_kind["unknown_product"][1] == 0


def test_nothing_sound_is_set_aside(company: Company) -> None:
    with duckdb.connect(str(company.home / "warehouse.duckdb"), read_only=True) as warehouse:
        warehouse.execute(f"create temp table defects as from '{company.folder}/truth/defects.parquet'")
        wrongly = warehouse.execute(
            """
            select object, rule, source_pointer from quarantine.rows
            where not exists (select 1 from defects where 'crm/' || source_pointer = file || ' row ' || (line - 1))
            """
        ).fetchall()
    # a copy of a broken row stands in the same file under the same content
    assert Counter(rule for _, rule, _ in wrongly) == Counter()


def test_nobody_is_named_in_what_is_published(company: Company) -> None:
    personal = {
        value
        for value in (company.folder / "truth" / "personal_values.txt").read_text("utf-8").splitlines()
        if len(value) > 3
    }
    texts: set[str] = set()
    with published(company.home) as connection:
        for table, column in connection.execute(
            "select schema_name || '.' || table_name, column_name from duckdb_columns() where data_type = 'VARCHAR'"
        ).fetchall():
            texts |= {
                t for (t,) in connection.execute(f"select distinct {column} from {table}").fetchall() if t
            }
    assert len(personal) > 1000 and len(texts) > 1000
    assert personal & texts == set()
    everything = "\n".join(texts)
    assert [value for value in personal if "@" in value and value in everything] == []


def test_site_and_data_docs_name_nobody(company: Company) -> None:
    site = company.home / "published" / "current" / "site"
    pages = "\n".join(page.read_text("utf-8") for page in site.rglob("*.html"))
    mails = [
        v
        for v in (company.folder / "truth" / "personal_values.txt").read_text("utf-8").splitlines()
        if "@" in v
    ]
    assert len(pages) > 10_000 and mails
    assert [mail for mail in mails if mail in pages] == []


def test_customer_key_is_the_keyed_hash_of_the_native_id(company: Company) -> None:
    secret = Home(company.home).secret(None)
    with duckdb.connect(str(company.home / "warehouse.duckdb"), read_only=True) as warehouse:
        pairs = warehouse.execute("select native_id, customer_key from identity.customer_identity").fetchall()
    assert len(pairs) > 300
    for native_id, key in pairs:
        assert key == hmac.new(secret, f"crm|customers|{native_id}".encode(), hashlib.sha256).hexdigest()[:32]


def test_private_files_are_for_their_owner_only(company: Company) -> None:
    for name in ("warehouse.duckdb", "secret.key"):
        assert stat.S_IMODE((company.home / name).stat().st_mode) == 0o600


def test_parquet_and_database_hold_the_same_rows(company: Company) -> None:
    current = company.home / "published" / "current"
    with published(company.home) as connection:
        tables = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        for schema, table in tables:
            (here,) = connection.execute(f"select count(*) from {schema}.{table}").fetchone()
            (there,) = connection.execute(
                f"select count(*) from '{current}/parquet/{schema}/{table}/*.parquet'"
            ).fetchone()
            assert here == there, f"{schema}.{table}"


def test_published_columns_carry_their_descriptions(company: Company) -> None:
    silent = rows(
        company.home,
        "select schema_name, table_name, column_name from duckdb_columns() "
        "where schema_name in ('core', 'about_customers', 'marts') and comment is null",
    )
    assert silent == []


def test_running_again_and_full_refresh_give_equal_tables(
    copy_of: Company, ckm: Callable[..., Finished]
) -> None:
    before = contents(copy_of.home, STAR_AND_MARTS, without=("model_run_id",))
    for options in ([], ["--full-refresh"]):
        again = ckm(
            "run", "--sources", copy_of.sources, "--home", copy_of.home, "--date", NIGHTS[-1], *options
        )
        assert again.code == 0, again.err
        assert contents(copy_of.home, STAR_AND_MARTS, without=("model_run_id",)) == before


def test_catching_up_gives_the_marts_of_nightly_runs(
    company: Company, tmp_path: Path, ckm: Callable[..., Finished]
) -> None:
    secret = Home(company.home).secret(None).decode()
    done = ckm(
        "run", "--sources", company.sources, "--home", tmp_path, "--date", NIGHTS[-1], CKM_SECRET=secret
    )
    assert done.code == 0, done.err
    assert contents(tmp_path, ("marts",)) == contents(company.home, ("marts",))


def test_older_night_does_not_move_publication_back(copy_of: Company, ckm: Callable[..., Finished]) -> None:
    done = ckm("run", "--sources", copy_of.sources, "--home", copy_of.home, "--date", NIGHTS[0])
    assert done.code == 0, done.err
    assert rows(copy_of.home, "select distinct as_of_date::varchar from marts.clv") == [(NIGHTS[-1],)]
    with duckdb.connect(str(copy_of.home / "warehouse.duckdb"), read_only=True) as warehouse:
        late = warehouse.execute(
            f"select count(*) from about_customers.fct_order_line where known_on > '{NIGHTS[0]}'"
        ).fetchone()[0]
        assert late == 0
        assert warehouse.execute("select distinct as_of_date::varchar from marts.clv").fetchall() == [
            (NIGHTS[0],)
        ]
    newest = ckm("run", "--sources", copy_of.sources, "--home", copy_of.home, "--date", NIGHTS[-1])
    assert newest.code == 0, newest.err


def test_failed_critical_gate_publishes_nothing(copy_of: Company, ckm: Callable[..., Finished]) -> None:
    lines = copy_of.folder / "crm" / "AuftragPos.csv"
    document = yaml.safe_load(copy_of.sources.read_text("utf-8"))
    mapping = document["sources"]["crm"]["objects"]["order_lines"]["columns"]
    with lines.open(newline="") as handle:
        sample = next(csv.DictReader(handle))
    with lines.open("a", newline="") as handle:
        writer = csv.DictWriter(handle, list(sample), lineterminator="\n")
        for number in range(200):
            sample |= {mapping["line_number"]: str(900 + number), mapping["unit_price"]: "-1.00"}
            writer.writerow(sample | {mapping["updated_at"]: "2026-01-01 12:00:00"})
    before = contents(copy_of.home, STAR_AND_MARTS)
    done = ckm("run", "--sources", copy_of.sources, "--home", copy_of.home, "--date", "2026-01-01")
    assert done.code == 1
    assert done.err.startswith("ckm: crm.order_lines: rule unit_price_is_not_negative")
    assert "Traceback" not in done.err
    assert contents(copy_of.home, STAR_AND_MARTS) == before
    status = ckm("status", "--home", copy_of.home, "--json")
    assert '"stopped at a gate"' in status.out


def test_lost_column_leaves_its_object_stale_and_publishes_the_rest(
    copy_of: Company, ckm: Callable[..., Finished]
) -> None:
    shipments = copy_of.folder / "crm" / "Sendungen.csv"
    text = shipments.read_text("utf-8").split("\n", 1)
    columns = yaml.safe_load(copy_of.sources.read_text("utf-8"))["sources"]["crm"]["objects"]["shipments"][
        "columns"
    ]
    shipments.write_text(text[0].replace(columns["status"], "Neu") + "\n" + text[1], "utf-8")
    done = ckm("run", "--sources", copy_of.sources, "--home", copy_of.home, "--date", "2026-01-01")
    assert done.code == 4, done.err
    assert "Stale: crm.shipments" in done.out
    assert rows(copy_of.home, "select distinct as_of_date::varchar from marts.clv") == [("2026-01-01",)]
    ((stale, days, message),) = rows(
        copy_of.home,
        "select object, stale_days, message from audit.source_freshness "
        "where run_id = '2026-01-01.1' and status = 'stale'",
    )
    assert (stale, days) == ("shipments", 1)
    assert f"column {columns['status']} (mapped to status) is not in Sendungen.csv" in message
    checked = ckm("check", "--sources", copy_of.sources)
    assert checked.code == 2 and columns["status"] in checked.err


def test_second_load_at_the_same_time_is_told_so(copy_of: Company, ckm: Callable[..., Finished]) -> None:
    with Home(copy_of.home).lock():
        done = ckm("run", "--sources", copy_of.sources, "--home", copy_of.home, "--date", NIGHTS[-1])
        status = ckm("status", "--home", copy_of.home)
    assert done.code == 3
    assert f"another load is running in {copy_of.home} (process {os.getpid()})" in done.err
    assert status.code == 0 and f"readers see {NIGHTS[-1]}.1; another load is running" in status.out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s["company"].update(tme_zone="UTC"), "company.tme_zone is not a known field; did you mean"),
        (lambda s: s["sources"]["crm"]["objects"]["orders"].update(file="Orders.csv"), "no file matches Orders.csv"),
        (lambda s: s["sources"]["crm"]["objects"]["orders"]["columns"].update(order_id="Nr"), "column Nr (mapped"),
    ],
    ids=["misspelt field", "missing file", "missing column"],
)  # fmt: skip
def test_bad_configuration_ends_before_anything_runs(
    copy_of: Company, ckm: Callable[..., Finished], change: Callable[[dict], None], said: str
) -> None:
    document = yaml.safe_load(copy_of.sources.read_text("utf-8"))
    change(document)
    copy_of.sources.write_text(yaml.safe_dump(document), "utf-8")
    done = ckm("run", "--sources", copy_of.sources, "--home", copy_of.home, "--date", "2026-01-01")
    assert (done.code, done.out) == (2, "")
    assert said in done.err and str(copy_of.sources) in done.err
    assert done.err.count("\n") == 1
    assert rows(copy_of.home, "select max(as_of_date)::varchar from audit.runs") == [(NIGHTS[-1],)]


def test_bad_usage_is_a_sentence(ckm_process: Callable[..., Finished]) -> None:
    for arguments, said in (
        (["run", "--date", "yesterday"], "--date must be a date like 2025-12-31, not 'yesterday'"),
        (["run", "--from", "2025-01-01"], "--from and --to go together"),
        (["run", "--from", "2025-01-02", "--to", "2025-01-01"], "is before --from"),
        (["run", "--nonsense"], "No such option"),
        (["status", "--home", "/nonexistent-home"], "holds no warehouse yet"),
    ):
        done = ckm_process(*arguments)
        assert done.code == 2, arguments
        assert said in done.err
        assert "Traceback" not in done.err
