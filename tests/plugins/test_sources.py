"""sources.yml: what is wrong in it is said in one sentence that names the file and the field."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ckm.errors import ConfigurationError
from ckm.sources import load_sources

SOUND: dict[str, Any] = {
    "company": {"name": "Test", "time_zone": "Europe/Berlin"},
    "sources": {
        "crm": {
            "transport": "files",
            "path": ".",
            "objects": {"products": {"file": "p.csv", "columns": {"product_id": "SKU"}}},
        }
    },
}
OBJECT = ("sources", "crm", "objects", "products")


def written(tmp_path: Path, document: Any) -> Path:
    file = tmp_path / "sources.yml"
    file.write_text(document if isinstance(document, str) else yaml.safe_dump(document))
    return file


def changed(place: tuple[str, ...], value: Any, sound: dict[str, Any] = SOUND) -> dict[str, Any]:
    """The sound document with one field set, or removed where the value is `...`."""
    document = copy.deepcopy(sound)
    part = document
    for name in place[:-1]:
        part = part[name]
    if value is ...:
        del part[place[-1]]
    else:
        part[place[-1]] = value
    return document


def test_sound_file_is_read_with_defaults(tmp_path: Path) -> None:
    sources = load_sources(written(tmp_path, SOUND))
    assert sources.company.reporting_currency == "EUR"
    assert sources.sources["crm"].lag_days == 2
    assert sources.zone_of("crm") == "Europe/Berlin"


def test_identity_starts_at_the_file_and_at_the_companys_country(tmp_path: Path) -> None:
    identity = load_sources(written(tmp_path, SOUND)).identity
    assert (identity.decisions, identity.model, identity.home_country) == (None, None, "DE")
    (tmp_path / "decided.csv").write_text("left_ref,right_ref,decision,reason,decided_on\n")
    document = SOUND | {"identity": {"decisions": "decided.csv", "home_country": "AT"}}
    identity = load_sources(written(tmp_path, document)).identity
    assert (identity.decisions, identity.home_country) == (tmp_path / "decided.csv", "AT")
    nowhere = changed(("company", "time_zone"), "UTC")
    assert load_sources(written(tmp_path, nowhere)).identity.home_country is None


def test_variables_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_FOLDER", "elsewhere")
    document = changed(("sources", "crm", "path"), "${CRM_FOLDER}/in")
    assert load_sources(written(tmp_path, document)).sources["crm"].path == "elsewhere/in"


def test_variable_may_have_a_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = changed(("sources", "crm", "path"), "${CRM_FOLDER:-/data/in}/${CRM_DAY:-}")
    monkeypatch.delenv("CRM_FOLDER", raising=False)
    assert load_sources(written(tmp_path, document)).sources["crm"].path == "/data/in/"
    monkeypatch.setenv("CRM_FOLDER", "")
    assert load_sources(written(tmp_path, document)).sources["crm"].path == "/data/in/"
    monkeypatch.setenv("CRM_FOLDER", "elsewhere")
    assert load_sources(written(tmp_path, document)).sources["crm"].path == "elsewhere/"


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("company",), ..., "company is missing"),
        (("sources",), ..., "sources is missing"),
        (("sources",), {}, "sources"),
        (("company", "name"), ..., "company.name is missing"),
        (("company", "name"), 7, "company.name"),
        (("company", "time_zone"), "Europe/Berlen", "did you mean Europe/Berlin"),
        (("company", "reporting_currency"), "euro", "company.reporting_currency"),
        (("company", "week_start"), "friday", "company.week_start"),
        (("company", "fiscal_year_start_month"), 13, "company.fiscal_year_start_month"),
        (("company", "fiscal_year_start_month"), "May", "must be a valid integer, not 'May'"),
        (("company", "annual_discount_rate"), 2, "company.annual_discount_rate"),
        (("company", "timezone"), "UTC", "company.timezone is not a known field; did you mean time_zone?"),
        (("compny",), {}, "compny is not a known field; did you mean company?"),
        (("sources", "crn"), SOUND["sources"]["crm"], "sources.crn is no known source; did you mean crm?"),
        (("sources", "crm", "transport"), "ftp", "sources.crm.transport must be files, rest or sql, not 'ftp'"),
        (("sources", "crm", "transport"), ..., "sources.crm.transport must be files, rest or sql"),
        (("sources", "crm", "path"), ..., "sources.crm.path is missing"),
        (("sources", "crm", "url"), "x", "sources.crm.url is not a known field"),
        (("sources", "crm", "lag_days"), -1, "sources.crm.lag_days"),
        (("sources", "crm", "time_zone"), "Mars", "sources.crm.time_zone"),
        (("sources", "crm", "objects", "product"), {"file": "x"}, "no object of crm; did you mean products?"),
        ((*OBJECT, "endpoint"), "e", "needs exactly one of file and query"),
        ((*OBJECT, "records"), "data", "objects.products.records means nothing to the transport files"),
        ((*OBJECT, "table"), "t", "needs exactly one of file and query"),
        ((*OBJECT, "file"), ..., "needs exactly one of file and query"),
        ((*OBJECT, "colums"), {}, "colums is not a known field; did you mean columns?"),
        ((*OBJECT, "columns"), {"product_idd": "x"}, "did you mean product_id?"),
        ((*OBJECT, "columns"), {"product_name": "x"}, "columns lacks product_id"),
        ((*OBJECT, "columns"), ["x"], "columns"),
        ((*OBJECT, "columns"), {"product_id": False}, "YAML reads this as false; put quotes around it"),
        ((*OBJECT, "constants"), {"product_id": "x"}, "product_id is both in columns and in constants"),
        ((*OBJECT, "constants"), {"colour": "x"}, "constants.colour is no column of crm.products"),
        ((*OBJECT, "delimiter"), ";;", "delimiter"),
        ((*OBJECT, "required"), "yes please", "required"),
        ((*OBJECT, "max_staleness_days"), -2, "max_staleness_days"),
        ((*OBJECT, "file"), "${NOT_SET_ANYWHERE}", "the environment variable NOT_SET_ANYWHERE is not set"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence_with_file_and_field(
    tmp_path: Path, place: tuple[str, ...], value: Any, said: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load_sources(written(tmp_path, changed(place, value)))
    sentence = str(raised.value)
    assert said in sentence
    assert str(tmp_path / "sources.yml") in sentence
    assert "\n" not in sentence


def test_database_address_must_be_one(tmp_path: Path) -> None:
    document = changed(
        ("sources", "crm"), {"transport": "sql", "url": "secretword", "objects": {"products": {"table": "p"}}}
    )
    with pytest.raises(ConfigurationError, match="must be a SQLAlchemy address") as raised:
        load_sources(written(tmp_path, document))
    assert "secretword" not in str(raised.value)


@pytest.mark.parametrize("text", ["company: [", "- a\n- b\n", ""])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sources\.yml"):
        load_sources(written(tmp_path, text))


def test_missing_file_says_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--sources"):
        load_sources(tmp_path / "absent.yml")


REST: dict[str, Any] = {
    "company": {"name": "Test"},
    "sources": {
        "crm": {
            "transport": "rest",
            "url": "https://api.example.com/v1/",
            "auth": {"token": "secretword"},
            "objects": {"products": {"endpoint": "items", "columns": {"product_id": "id"}}},
        }
    },
}


def test_api_is_read_with_defaults(tmp_path: Path) -> None:
    api = load_sources(written(tmp_path, REST)).sources["crm"]
    assert (api.attempts, api.timeout_seconds, api.objects["products"].page.style) == (5, 60, "single")
    assert "secretword" not in repr(api)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("url",), "api.example.com", "sources.crm.url: must be an address like https://api.example.com/v1/."),
        (("url",), "https://u:secretword@api.example.com", "must hold no user or password: put them into auth"),
        (("auth",), {"token": "x", "user": "y"}, "sources.crm.auth: needs the fields of exactly one kind"),
        (("auth",), {"token_url": "https://x/t", "client_id": "c"}, "needs the fields of exactly one kind"),
        (("auth",), {"token_url": "x", "client_id": "c", "client_secret": "s"}, "must be an address"),
        (("auth", "token"), 4711, "sources.crm.auth.token: must be a valid string."),
        (("auth", "tokn"), "x", "sources.crm.auth.tokn is not a known field; did you mean token?"),
        (("attempts",), 0, "sources.crm.attempts"),
        (("timeout_seconds",), 0, "sources.crm.timeout_seconds"),
        (("retries",), 3, "sources.crm.retries is not a known field"),
        (("objects", "products", "endpoint"), ..., "objects.products needs endpoint and no other place"),
        (("objects", "products", "table"), "t", "objects.products needs endpoint and no other place"),
        (("objects", "products", "sheet"), "t", "objects.products.sheet means nothing to the transport rest"),
        (("objects", "products", "page"), {"style": "pages"}, "objects.products.page.style"),
        (("objects", "products", "page"), {"sytle": "number"}, "sytle is not a known field; did you mean style?"),
        (("objects", "products", "page"), {"style": "number"}, "page: style number needs parameter"),
        (("objects", "products", "page"), {"style": "link", "next": "n", "first": 1}, "style link has no first"),
        (
            ("objects", "products", "page"), {"style": "link", "next": "n", "size": 10},
            "size and size_parameter go together",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_api_is_one_sentence_without_secrets(
    tmp_path: Path, place: tuple[str, ...], value: Any, said: str
) -> None:
    document = changed(("sources", "crm", *place), value, REST)
    with pytest.raises(ConfigurationError) as raised:
        load_sources(written(tmp_path, document))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value) and "secretword" not in str(raised.value)
    assert "4711" not in str(raised.value)
