"""Three nights of a small company, written by hand, in which people appear, merge, split, are corrected by a decision
and split again: keys, bridge and facts after each."""

import csv
import hashlib
import hmac
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from benchmarks.published import differences
from tests.conftest import Finished
from tests.pipeline.conftest import rows

from ckm import transform
from ckm.errors import GateFailed
from ckm.home import Home
from ckm.warehouse import connect

pytestmark = pytest.mark.prove

FIRST, SECOND, THIRD = "2025-03-01", "2025-03-02", "2025-03-03"
NIGHTS = (FIRST, SECOND, THIRD)
PROJECT = Path(__file__).parents[2] / "dbt_project"
SECRET = "a secret of this company alone !"
ANNA, CLARA, BO = "anna.weber@example.org", "clara.stern@example.net", "bo.ek@pumpen.example"
FACTS = """
    select table_schema || '.' || table_name from information_schema.tables where table_name like 'fct_%' order by 1
"""


def key_of(reference: str) -> str:
    return hmac.new(SECRET.encode(), reference.encode(), hashlib.sha256).hexdigest()[:32]


ANNAS, CLARAS, PUMPS, ELDER = (key_of(f"crm|customers|{c}") for c in ("c1", "c3", "c2", "c4"))
KEYS = {
    ANNAS: "Anna", CLARAS: "Clara", PUMPS: "Pumps", ELDER: "the elder twin", None: None,
}  # fmt: skip


def customer(number: int, updated_at: str = "2025-01-05 10:00:00", **more: Any) -> dict[str, Any]:
    return {"customer_id": f"c{number}", "customer_type": "person", "updated_at": updated_at, **more}


def complaint(number: int, day: str, **more: Any) -> dict[str, Any]:
    return {
        "complaint_id": f"B{number}",
        "received_at": f"{day} 09:00:00",
        "updated_at": f"{day} 09:00:00",
        **more,
    }


def order(number: int, customer_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    at = {"updated_at": "2025-02-20 10:00:00"}
    return (
        {"order_id": f"O{number}", "customer_id": customer_id, "ordered_at": "2025-02-20 10:00:00", **at},
        {"order_id": f"O{number}", "line_number": "1", "quantity": 1, "unit_price": 10, **at},
    )


CLARA_THEN = customer(3, first_name="Clara", last_name="Stern", email=CLARA, segment="gold")
CLARA_NOW = CLARA_THEN | {"segment": "silver", "updated_at": "2025-02-10 10:00:00"}
CLARA_LATE = CLARA_THEN | {"segment": "bronze", "updated_at": "2025-02-05 10:00:00"}
OTHERS = [
    customer(2, customer_type="company", company_name="Pumpen GmbH", postal_code="10115"),
    *(customer(n, first_name="Jan", last_name="Vos", language="nl") for n in (4, 5)),
]
NEW_CUSTOMER = customer(1, "2025-03-02 10:00:00", first_name="Anna", last_name="Weber", email=ANNA)
ORDERS = [order(4, "c4"), order(5, "c5")]
MERGE = "crm|customers|c4,crm|customers|c5,merge,one man twice,2025-03-02"

COMPANY: dict[str, dict[str, list[dict[str, Any]]]] = {
    FIRST: {
        "crm.customers": [CLARA_THEN, *OTHERS],
        "crm.contacts": [
            {"contact_id": "k1", "customer_id": "c2", "first_name": "Bo", "last_name": "Ek", "email": BO,
             "updated_at": "2025-01-05 10:00:00"},
        ],
        "crm.consents": [
            {"customer_id": customer_id, "purpose": "profiling", "is_granted": granted,
             "stated_at": f"{day} 10:00:00", "updated_at": f"{day} 10:00:00"}
            for customer_id, granted, day in (("c4", "true", "2025-01-05"), ("c5", "false", "2025-01-09"))
        ],
        "crm.orders": [head for head, _ in ORDERS],
        "crm.order_lines": [line for _, line in ORDERS],
        "complaints.complaints": [
            complaint(1, "2025-02-20", complainant_id="p1", full_name="Anna Weber", email=ANNA),
            *(complaint(n, day, customer_id="c3") for n, day in ((2, "2025-02-04"), (3, "2025-02-05"),
                                                                 (4, "2025-02-09"), (5, "2025-02-10"))),
        ],
        "knowledge.deliveries": [
            {"delivery_id": f"D{n}", "article_id": "A1", "reader_id": f"r{n}", "email": email, "delivery_mode": "push",
             "delivered_at": "2025-02-20 10:00:00", "updated_at": "2025-02-20 10:00:00"}
            for n, email in ((1, CLARA), (2, BO))
        ],
        "community.members": [
            {"member_id": "m1", "nickname": "Sternchen", "birth_year": 1990, "updated_at": "2025-01-05 10:00:00"},
        ],
        "community.contributions": [
            {"contribution_id": f"K{n}", "initiative_id": "I1", "member_id": member, "contribution_type": "idea",
             "contributed_at": "2025-02-20 10:00:00", "updated_at": "2025-02-20 10:00:00"}
            for n, member in ((1, "m1"), (2, "m2"))
        ],
    },
}  # fmt: skip
NEW_ORDER = order(1, "c1")
COMPANY[SECOND] = COMPANY[FIRST] | {
    "crm.customers": [CLARA_NOW, NEW_CUSTOMER, *OTHERS],
    "crm.orders": [*COMPANY[FIRST]["crm.orders"], NEW_ORDER[0]],
    "crm.order_lines": [*COMPANY[FIRST]["crm.order_lines"], NEW_ORDER[1]],
    "knowledge.deliveries": [
        delivery | ({"email": "somebody.else@example.org", "updated_at": "2025-03-02 10:00:00"} if n == 0 else {})
        for n, delivery in enumerate(COMPANY[FIRST]["knowledge.deliveries"])
    ],
}  # fmt: skip
COMPANY[THIRD] = COMPANY[SECOND] | {"crm.customers": [CLARA_LATE, CLARA_NOW, NEW_CUSTOMER, *OTHERS]}
DECISIONS: dict[str, list[str]] = {
    FIRST: [],
    SECOND: [MERGE, "community|members|m1,crm|customers|c3,merge,she said so,2025-03-02"],
    THIRD: [
        MERGE,
        "community|members|m1,crm|customers|c3,merge,she said so,2025-03-02",
        "crm|customers|c3,community|members|m1,apart,she was mistaken,2025-03-03",
        "complaints|complainants|p1,crm|customers|c1,apart,her mother,2025-03-03",
        "knowledge|readers|r1,crm|customers|c3,merge,her other address,2025-03-03",
    ],
}


def write(folder: Path, night: str) -> None:
    """The systems and the decisions as they stand in the evening."""
    for name, records in COMPANY[night].items():
        columns = list(dict.fromkeys(column for record in records for column in record))
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(records)
    head = "left_ref,right_ref,decision,reason,decided_on"
    (folder / "decisions.csv").write_text("\n".join((head, *DECISIONS[night])) + "\n")
    sources: dict[str, Any] = {}
    for name in COMPANY[night]:
        source, _, object_ = name.partition(".")
        spec = sources.setdefault(source, {"transport": "files", "path": ".", "lag_days": 60, "objects": {}})
        spec["objects"][object_] = {"file": f"{name}.csv"}
    document = {"company": {"name": "Test"}, "identity": {"decisions": "decisions.csv"}, "sources": sources}
    (folder / "sources.yml").write_text(yaml.safe_dump(document))


@pytest.fixture(scope="module")
def run(ckm: Callable[..., Finished], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    folder = tmp_path_factory.mktemp("people")

    def night_of(night: str, home: Path, *more: str) -> Path:
        write(folder, night)
        done = ckm("run", "--sources", folder / "sources.yml", "--home", home, "--date", night, *more,
                   CKM_SECRET=SECRET)  # fmt: skip
        assert done.code == 0, done.err
        return home

    return night_of


@pytest.fixture(scope="module")
def homes(run: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The home as it was after each night."""
    folder = tmp_path_factory.mktemp("homes")
    kept = {}
    for night in NIGHTS:
        run(night, folder / "home")
        kept[night] = shutil.copytree(folder / "home", folder / night, symlinks=True)
    return kept


def given(home: Path, fact: str, native_id: str) -> dict[str, str | None]:
    """Whose each row of a fact is, by the row's native id."""
    found = rows(home, f"select {native_id}, customer_key from {fact}")
    return {native: KEYS[key] for native, key in found}


def bridge(home: Path, reference: str) -> list[tuple[str | None, str, str | None]]:
    """Whose a reference was from when until when."""
    found = rows(
        home,
        "select customer_key, valid_from::text, valid_to::text from core.bridge_customer_identity "
        f"where identity_key = '{key_of(f'identity|{reference}')}' order by valid_from",
    )
    return [(KEYS[key], since, until) for key, since, until in found]


def private(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with connect(home / "warehouse.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


CLARAS_OWN = dict.fromkeys(("B2", "B3", "B4", "B5"), "Clara")


def test_first_night_gives_what_is_known_and_leaves_strangers_alone(homes: dict[str, Path]) -> None:
    home = homes[FIRST]
    assert given(home, "from_customers.fct_complaint", "complaint_id") == {"B1": None, **CLARAS_OWN}
    assert given(home, "for_customers.fct_knowledge_delivery", "delivery_id") == {
        "D1": "Clara",
        "D2": "Pumps",
    }
    assert given(home, "co_created.fct_contribution", "contribution_id") == {"K1": None, "K2": None}


def test_person_who_becomes_a_customer_has_the_key_of_the_register(homes: dict[str, Path]) -> None:
    home = homes[SECOND]
    assert given(home, "from_customers.fct_complaint", "complaint_id") == {"B1": "Anna", **CLARAS_OWN}
    assert given(home, "about_customers.fct_order_line", "order_id")["O1"] == "Anna"
    assert bridge(home, "complaints|complainants|p1") == [
        (None, "1900-01-01", SECOND),
        ("Anna", SECOND, None),
    ]
    assert bridge(home, "crm|customers|c1") == [("Anna", "1900-01-01", None)]


def test_reader_whose_address_changes_splits_off_and_a_decision_merges_a_member(
    homes: dict[str, Path],
) -> None:
    home = homes[SECOND]
    assert given(home, "for_customers.fct_knowledge_delivery", "delivery_id") == {"D1": None, "D2": "Pumps"}
    assert given(home, "co_created.fct_contribution", "contribution_id") == {"K1": "Clara", "K2": None}


def test_decisions_correct_what_was_merged_and_what_was_split(homes: dict[str, Path]) -> None:
    home = homes[THIRD]
    assert given(home, "from_customers.fct_complaint", "complaint_id") == {"B1": None, **CLARAS_OWN}
    assert given(home, "about_customers.fct_order_line", "order_id")["O1"] == "Anna"
    assert given(home, "for_customers.fct_knowledge_delivery", "delivery_id") == {
        "D1": "Clara",
        "D2": "Pumps",
    }
    assert given(home, "co_created.fct_contribution", "contribution_id") == {"K1": None, "K2": None}
    assert bridge(home, "complaints|complainants|p1") == [
        (None, "1900-01-01", SECOND), ("Anna", SECOND, THIRD), (None, THIRD, None),
    ]  # fmt: skip
    assert bridge(home, "crm|customers|c1") == [("Anna", "1900-01-01", None)]
    assert bridge(home, "knowledge|readers|r1") == [
        ("Clara", "1900-01-01", SECOND), (None, SECOND, THIRD), ("Clara", THIRD, None),
    ]  # fmt: skip


def test_contact_is_a_person_of_her_own_and_her_company_the_customer(homes: dict[str, Path]) -> None:
    people = private(
        homes[FIRST],
        "select native_id, person_key, customer_key from identity.customer_identity "
        "where native_id in ('c2', 'k1', 'r2') order by 1",
    )
    contact = key_of("crm|contacts|k1")
    assert people == [("c2", PUMPS, PUMPS), ("k1", contact, PUMPS), ("r2", contact, PUMPS)]


def test_two_records_of_one_customer_are_one_row_with_the_strictest_consent(homes: dict[str, Path]) -> None:
    orders = given(homes[SECOND], "about_customers.fct_order_line", "order_id")
    assert orders["O4"] == orders["O5"] == "the elder twin"
    assert rows(
        homes[SECOND],
        f"select order_count, is_profiling_allowed from marts.customer_360 where customer_key = '{ELDER}'",
    ) == [(2, False)]
    assert rows(
        homes[SECOND],
        "select is_granted, valid_from::text, valid_to::text from core.customer_consent "
        f"where customer_key = '{ELDER}' order by valid_from",
    ) == [(True, "2025-01-05", "2025-01-09"), (False, "2025-01-09", None)]
    assert len(rows(homes[SECOND], "from marts.customer_360")) == len(COMPANY[SECOND]["crm.customers"]) - 1


SEGMENT_THEN = """
    select complaint_id, segment from from_customers.fct_complaint as fact
    join core.dim_customer as customer on customer.customer_key = fact.customer_key
        and fact.received_date >= customer.valid_from
        and (fact.received_date < customer.valid_to or customer.valid_to is null)
    order by 1
"""


def test_segment_is_the_one_that_she_was_in_when_she_complained(homes: dict[str, Path]) -> None:
    """Her change became known weeks later, and one before it later still."""
    assert rows(homes[FIRST], SEGMENT_THEN) == [(f"B{n}", "gold") for n in (2, 3, 4, 5)]
    of_second = dict(rows(homes[SECOND], SEGMENT_THEN))
    assert {**of_second, "B1": None} == {"B1": None, "B2": "gold", "B3": "gold", "B4": "gold", "B5": "silver"}
    assert rows(homes[THIRD], SEGMENT_THEN) == [
        ("B2", "gold"), ("B3", "bronze"), ("B4", "bronze"), ("B5", "silver"),
    ]  # fmt: skip


def test_golden_value_says_whose_word_it_is_and_none_of_it_is_published(homes: dict[str, Path]) -> None:
    golden = "select survivor, record_ref from identity.golden_value where attribute = 'birth_year'"
    assert private(homes[FIRST], golden) == []
    assert private(homes[SECOND], golden) == [("1990", "community|members|m1")]
    decades = f"select distinct birth_decade from core.dim_customer where customer_key = '{CLARAS}'"
    assert [rows(homes[night], decades) for night in NIGHTS] == [[(None,)], [(1990,)], [(None,)]]
    contact = f"select name, email from identity.customer_contact where customer_key = '{CLARAS}'"
    assert private(homes[THIRD], contact) == [("Clara Stern", CLARA)]
    assert (
        rows(homes[THIRD], "select table_name from information_schema.tables where table_schema = 'identity'")
        == []
    )


@pytest.mark.parametrize("night", NIGHTS)
def test_no_fact_is_duplicated_or_lost_by_identity(homes: dict[str, Path], night: str) -> None:
    facts = [fact for (fact,) in rows(homes[night], FACTS)]
    assert len(facts) > 15
    for fact in facts:
        key = rows(homes[night], f"select column_name from (describe {fact}) limit 1")[0][0]
        (counts,) = rows(homes[night], f"select count(*), count(distinct {key}) from {fact}")
        assert counts[0] == counts[1], fact
    for fact, name in (("from_customers.fct_complaint", "complaints.complaints"),
                       ("for_customers.fct_knowledge_delivery", "knowledge.deliveries"),
                       ("co_created.fct_contribution", "community.contributions"),
                       ("about_customers.fct_order_line", "crm.order_lines")):  # fmt: skip
        assert rows(homes[night], f"select count(*) from {fact}") == [(len(COMPANY[night][name]),)], fact


def test_reference_with_two_customers_stops_the_night_before_a_fact_is_duplicated(
    homes: dict[str, Path], tmp_path: Path
) -> None:
    home = Home(shutil.copytree(homes[THIRD], tmp_path / "home", symlinks=True))
    with connect(home.warehouse) as connection:
        connection.execute(
            """insert into identity.cluster
            select * replace ('crm|customers|c2' as founder_ref, 'crm|customers|c2' as customer_ref)
            from identity.cluster where record_ref = 'knowledge|readers|r1' and valid_to is null"""
        )
    variables = yaml.safe_load(home.dbt_vars.read_text())
    with pytest.raises(GateFailed):
        transform.build(home, PROJECT, variables, transform.LAYERS_BEFORE_SCORES, "doubled")
    said = dict(private(home.folder, "select node, status from audit.test_results where run_id = 'doubled'"))
    assert said["unique_customer_identity_identity_key"] == "fail"
    assert said["fct_knowledge_delivery"] == "skipped"
    assert given(home.folder, "for_customers.fct_knowledge_delivery", "delivery_id")["D1"] == "Clara"


def test_facts_without_a_customer_are_counted(homes: dict[str, Path]) -> None:
    counted = rows(
        homes[THIRD],
        "select as_of_date::text, fact, row_count, with_customer, without_customer from audit.fact_customers "
        "where row_count > 0 order by all",
    )
    assert {(night, fact): without for night, fact, _, _, without in counted} == {
        **{(night, "about_customers.fct_order_line"): 0 for night in NIGHTS},
        **{(night, "co_created.fct_contribution"): n for night, n in zip(NIGHTS, (2, 1, 2), strict=True)},
        **{
            (night, "for_customers.fct_knowledge_delivery"): n
            for night, n in zip(NIGHTS, (0, 1, 0), strict=True)
        },
        **{(night, "from_customers.fct_complaint"): n for night, n in zip(NIGHTS, (1, 0, 1), strict=True)},
    }
    assert all(rows == with_customer + without for _, _, rows, with_customer, without in counted)


def test_timeline_has_what_the_merged_person_did_in_all_dimensions(homes: dict[str, Path]) -> None:
    def of(home: Path, key: str) -> Iterable[str]:
        return {kind for (kind,) in rows(
            home, f"select distinct event_type from marts.customer_timeline where customer_key = '{key}'"
        )}  # fmt: skip

    assert of(homes[SECOND], ANNAS) == {"order", "complaint"}
    assert of(homes[SECOND], CLARAS) == {"complaint", "contribution"}
    assert of(homes[THIRD], CLARAS) == {"complaint", "knowledge"}


def test_full_refresh_and_a_night_that_runs_again_give_the_same(
    homes: dict[str, Path], run: Callable[..., Path], tmp_path: Path
) -> None:
    again = shutil.copytree(homes[THIRD], tmp_path / "again", symlinks=True)
    run(FIRST, again)
    run(THIRD, again, "--full-refresh")
    assert differences(again, homes[THIRD]) == []
