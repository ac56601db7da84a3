"""What can be wrong with suites and the names of rules: a sentence with file, field and what to write."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest
from tests.plugins.check.shop import Shop, add, first

RULE = "order_type_is_known"
# How the suite of the orders is changed, the field, what to write.
SUITE_CASES: dict[str, tuple[Callable[[dict[str, Any]], Any], str, str]] = {
    "no expectations": (
        lambda s: s.pop("expectations"),
        "it has no list expectations",
        '"expectations": […]',
    ),
    "expectation that is a text": (
        lambda s: s["expectations"].insert(0, "x"),
        "expectation 1 is no object",
        "with type, kwargs",
    ),
    "rule without a name": (lambda s: first(s)["meta"].pop("rule"), "expectation 1", "write meta.rule"),
    "rule called in capitals": (
        lambda s: first(s)["meta"].update(rule="Type Known"),
        "expectation 1",
        "write meta.rule",
    ),
    "two of one name": (
        lambda s: s["expectations"].append(first(s)),
        f"two rules are called {RULE}",
        "another meta.rule",
    ),
    "name of the contract's": (
        lambda s: first(s)["meta"].update(rule="order_id_is_present"),
        "two rules are called order_id_is_present",
        "another meta.rule",
    ),
    "aspect unknown": (
        lambda s: first(s)["meta"].update(aspect="codes"),
        f"meta.aspect of rule {RULE}",
        "must be one of completeness",
    ),
    "no description": (
        lambda s: first(s).pop("description"),
        f"description of rule {RULE}",
        "write a sentence of the business",
    ),
    "severity misspelt": (
        lambda s: first(s).update(severity="critcal"),
        f"severity of rule {RULE}",
        "must be critical or warning",
    ),
    "meta misspelt": (
        lambda s: first(s)["meta"].update(quarantin=True),
        "meta.quarantin",
        "did you mean quarantine?",
    ),
    "quarantine in words": (
        lambda s: first(s)["meta"].update(quarantine="yes"),
        f"meta.quarantine of rule {RULE}",
        "true or false",
    ),
    "quarantine of a table": (
        lambda s: add(
            s,
            type="expect_table_row_count_to_be_between",
            kwargs={"min_value": 1},
            meta={"rule": "added", "aspect": "volume", "quarantine": True},
        ),
        "meta.quarantine of rule added",
        "must be left out",
    ),
    "expectation unknown": (
        lambda s: first(s).update(type="expect_column_values_to_match_regexp"),
        f"type of rule {RULE}",
        "did you mean expect_column_values_to_match_regex?",
    ),
    "kwargs missing": (lambda s: first(s).pop("kwargs"), f"kwargs of rule {RULE}", 'write "kwargs": {…}'),
    "kwargs misspelt": (
        lambda s: first(s)["kwargs"].update(regexp="a"),
        f"kwargs.regexp of rule {RULE}",
        "did you mean regex?",
    ),
    "kwargs incomplete": (
        lambda s: add(s, type="unexpected_rows_expectation", kwargs={}),
        "kwargs.unexpected_rows_query of rule added is missing",
        "needs it",
    ),
    "mostly in per cent": (
        lambda s: first(s)["kwargs"].update(mostly=80),
        f"kwargs.mostly of rule {RULE}",
        "a share from 0 to 1",
    ),
    "regular expression with a slip": (
        lambda s: first(s)["kwargs"].update(regex="(sale"),
        f"kwargs.regex of rule {RULE}",
        "correct it",
    ),
    "query with a slip": (
        lambda s: add(
            s, type="unexpected_rows_expectation", kwargs={"unexpected_rows_query": "select * form {batch}"}
        ),
        "kwargs.unexpected_rows_query of rule added",
        "correct it near",
    ),
    "column unknown": (
        lambda s: first(s)["kwargs"].update(column="order_typ"),
        f"kwargs.column of rule {RULE}",
        "did you mean order_type?",
    ),
    "parameter unknown": (
        lambda s: add(
            s,
            type="expect_column_max_to_be_between",
            kwargs={"column": "ordered_at", "max_value": {"$PARAMETER": "nigth_end"}},
        ),
        "$PARAMETER nigth_end of rule added",
        "did you mean night_end?",
    ),
    "parameter of no column": (
        lambda s: add(
            s,
            type="expect_column_mean_to_be_between",
            kwargs={"column": "order_id", "max_value": {"$PARAMETER": "mean_of_order_nr_high"}},
        ),
        "$PARAMETER mean_of_order_nr_high of rule added names no column of the table: order_nr",
        "did you mean order_",
    ),
    "value that only GX refuses": (
        lambda s: add(
            s, type="expect_column_values_to_be_in_set", kwargs={"column": "status", "value_set": 3}
        ),
        "rule added is refused by GX",
        "value_set value is not a valid list",
    ),
}


@pytest.mark.parametrize("name", SUITE_CASES)
def test_what_is_wrong_in_a_suite(shop: Shop, name: str) -> None:
    change, field, remedy = SUITE_CASES[name]
    file = shop.suite("raw/crm/orders", change)
    shop.demand(shop.check(), f"ckm: {file}", field, remedy)


def test_column_that_a_mart_does_not_have(shop: Shop) -> None:
    file = shop.suite("marts/clv", lambda suite: first(suite)["kwargs"].update(column="customer_kee"))
    shop.demand(shop.check(), f"ckm: {file}: kwargs.column", "did you mean customer_key?")


def test_suite_that_is_no_json(shop: Shop) -> None:
    file = shop.suite("raw/crm/orders", lambda suite: None)
    file.write_text('{"name": "x",\n "expectations": [}')
    shop.demand(shop.check(), f"ckm: {file}: line 2 is no JSON", "commas and quotes first")


def test_suite_of_another_encoding(shop: Shop) -> None:
    file = shop.suite("raw/crm/orders", lambda suite: None)
    file.write_bytes('{"name": "é"}'.encode("latin-1"))
    shop.demand(shop.check(), f"ckm: {file}: ", "save it as UTF-8")


@pytest.mark.parametrize(
    ("name", "meant"), [("raw/crm/order", "raw/crm/orders"), ("marts/clvs", "marts/clv")]
)
def test_suite_of_nothing(shop: Shop, name: str, meant: str) -> None:
    file = shop.suite(meant, lambda suite: None)
    wrong = file.rename(file.with_name(f"{name.rpartition('/')[2]}.json"))
    shop.demand(shop.check(), f"ckm: {wrong} judges nothing", f"did you mean {meant}?")


def test_project_without_suites(shop: Shop) -> None:
    shop.suite("raw/crm/orders", lambda suite: None)
    shutil.rmtree(shop.folder / "project" / "expectations")
    shop.demand(shop.check(), f"{shop.folder / 'project' / 'expectations'} does not exist", "set CKM_PROJECT")


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("crm.orders.row_count_is_posible", "did you mean crm.orders.row_count_is_possible?"),
        ("crm.orders.status_is_readabel", "give it as source.object.rule"),
        ("marts.clv.mean_clv_365d_is_usul", "did you mean marts.clv.mean_clv_365d_is_usual?"),
        ("order", "give it as source.object.rule or marts.mart.rule; gates.html"),
    ],
)
def test_rule_that_nobody_has_cannot_be_accepted(shop: Shop, named: str, meant: str) -> None:
    done = shop.command(
        "run",
        "--sources",
        shop.sources,
        "--home",
        shop.home.folder,
        "--date",
        "2025-07-01",
        "--accept",
        named,
    )
    assert done.code == 2 and f"--accept {named} is no rule" in done.err and meant in done.err
    assert "Traceback" not in done.err and not shop.home.warehouse.exists()
