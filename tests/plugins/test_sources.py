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


def changed(place: tuple[str, ...], value: Any) -> dict[str, Any]:
    """The sound document with one field set, or removed where the value is `...`."""
    document = copy.deepcopy(SOUND)
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


def test_variables_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_FOLDER", "elsewhere")
    document = changed(("sources", "crm", "path"), "${CRM_FOLDER}/in")
    assert load_sources(written(tmp_path, document)).sources["crm"].path == "elsewhere/in"


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
