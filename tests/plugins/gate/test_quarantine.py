"""What a person decides about rows that were set aside, and what the next night makes of it."""

import json
from typing import Any

import pytest
from tests.plugins.gate.loading import Gate

from ckm import quarantine
from ckm.errors import ConfigurationError, GateFailed
from ckm.quarantine import Choice
from ckm.sources import load_sources

CUSTOMERS = {
    "file": "customers.csv",
    "columns": {"customer_id": "No", "last_name": "Name", "country": "Land", "birth_date": "Born"},
}
HEAD = "No,Name,Land,Born,Hobby\n"
SOUND = "1,Meyer,DE,1980-01-31,chess\n"
BROKEN = "2,Schulze,DE,31.01.1980,golf\n"
RULE = "crm.customers.birth_date_is_readable"
LOGGED = "select customer_id, birth_date::varchar, unmapped from raw_crm.customers order by all"


@pytest.fixture
def company(gate: Gate, write_sources: Any) -> Any:
    """A night has set one customer aside for an unreadable date; gives sources.yml."""
    file = write_sources({"customers": CUSTOMERS})
    gate.load(file, "2025-01-01", {"customers.csv": HEAD + SOUND + BROKEN})
    return file


def replay(gate: Gate, file: Any, which: str = RULE, **how: Any) -> int:
    return quarantine.queue(gate.connection, load_sources(file), Choice(which), **how)


def status(gate: Gate) -> list[tuple[Any, ...]]:
    return gate.rows("select status, rule from quarantine.rows order by all")


def test_row_that_a_person_mends_is_loaded_and_the_ledger_says_replayed(gate: Gate, company: Any) -> None:
    assert replay(gate, company, mend={"birth_date": "1980-01-31"}) == 1
    row = gate.load(company, "2025-01-02", {})["customers"]
    assert (row.extracted, row.replayed, row.loaded, row.unchanged, row.quarantined) == (2, 1, 1, 2, 0)
    assert gate.rows(LOGGED) == [
        ("1", "1980-01-31", '{"Hobby":"chess"}'),
        ("2", "1980-01-31", '{"Hobby":"golf"}'),
    ]
    assert status(gate) == [("replayed", "birth_date_is_readable")]


def test_mended_row_equals_one_that_was_right_from_the_start(
    gate: Gate, company: Any, write_sources: Any
) -> None:
    replay(gate, company, mend={"Born": "1980-01-31"})
    gate.load(company, "2025-01-02", {})
    gate.load(
        company, "2025-01-03", {"customers.csv": HEAD + SOUND + BROKEN.replace("31.01.1980", "1980-01-31")}
    )
    versions = "select customer_id, version_number, content_hash from raw_crm.customers order by all"
    assert len(gate.rows(versions)) == 2


def test_row_that_still_breaks_a_rule_goes_back_with_the_rule_it_breaks_now(gate: Gate, company: Any) -> None:
    replay(gate, company, mend={"No": "", "Born": "1980-01-31"})
    row = gate.load(company, "2025-01-02", {})["customers"]
    assert (row.replayed, row.loaded, row.quarantined) == (1, 0, 1)
    assert status(gate) == [("open", "customer_id_is_present")]


def test_row_replayed_as_it_came_is_taken_once_the_rule_is_mended(gate: Gate, write_sources: Any) -> None:
    file = write_sources({"products": {"file": "products.csv"}})
    gate.load(file, "2025-01-01", {"products.csv": "product_id,list_price\nP1,-1\nP2,5\n"})
    assert status(gate) == [("open", "list_price_is_not_negative")]
    suite = json.loads((gate.suites / "raw/crm/products.json").read_text())
    price = next(r for r in suite["expectations"] if r["meta"]["rule"] == "list_price_is_not_negative")
    price["kwargs"]["min_value"] = -10
    gate.mend_suite("raw/crm/products", suite)
    held = gate.load(file, "2025-01-02", {})["products"]
    assert (held.loaded, held.quarantined) == (0, 1), "a known row is not judged again by itself"
    replay(gate, file, "crm.products.list_price_is_not_negative")
    row = gate.load(file, "2025-01-03", {})["products"]
    assert (row.extracted, row.replayed, row.loaded, row.duplicate, row.unchanged) == (2, 1, 1, 1, 1)
    assert gate.rows("select product_id, list_price::varchar from raw_crm.products order by all") == [
        ("P1", "-1.0000"),
        ("P2", "5.0000"),
    ]


def test_source_that_goes_on_sending_a_mended_row_changes_nothing(gate: Gate, company: Any) -> None:
    replay(gate, company, mend={"Born": "1980-01-31"})
    gate.load(company, "2025-01-02", {})
    row = gate.load(company, "2025-01-03", {})["customers"]
    assert (row.extracted, row.unchanged, row.quarantined) == (2, 2, 0)
    assert len(gate.rows(LOGGED)) == 2


def test_row_mended_under_another_key_is_not_taken_for_deleted(gate: Gate, write_sources: Any) -> None:
    file = write_sources({"customers": CUSTOMERS | {"snapshot": True}})
    gate.load(file, "2025-01-01", {"customers.csv": HEAD + SOUND + BROKEN})
    replay(gate, file, mend={"No": "22", "Born": "1980-01-31"})
    gate.load(file, "2025-01-02", {})
    row = gate.load(file, "2025-01-03", {})["customers"]
    assert row.deleted == 0
    assert [key for key, *_ in gate.rows(LOGGED)] == ["1", "22"]


def test_sound_version_from_the_source_replaces_the_row_that_waits(gate: Gate, company: Any) -> None:
    mended = BROKEN.replace("31.01.1980", "1980-01-31")
    row = gate.load(company, "2025-01-02", {"customers.csv": HEAD + SOUND + mended})["customers"]
    assert (row.loaded, row.quarantined) == (1, 0)
    assert status(gate) == [("replaced", "birth_date_is_readable")]


def test_discarded_row_stays_on_record_and_is_suppressed_from_then_on(gate: Gate, company: Any) -> None:
    assert quarantine.discard(gate.connection, Choice(RULE), "a test customer") == 1
    row = gate.load(company, "2025-01-02", {})["customers"]
    assert (row.extracted, row.unchanged, row.suppressed, row.quarantined) == (2, 1, 1, 0)
    assert gate.rows("select status, reason, content ->> 'Name' from quarantine.rows") == [
        ("discarded", "a test customer", "Schulze")
    ]
    with pytest.raises(ConfigurationError, match="is open"):
        replay(gate, company)


def test_one_row_one_rule_or_one_run_can_be_chosen(gate: Gate, company: Any) -> None:
    more = "3,Kurz,DE,x,\n4,Lang,DE,y,\n,Ohne,DE,,\n"
    gate.load(company, "2025-01-02", {"customers.csv": HEAD + SOUND + BROKEN + more})
    (one,) = gate.rows("select quarantine_id from quarantine.rows where row_key = '3'")[0]
    chosen = [
        (Choice(one[:10]), 1),
        (Choice(RULE), 3),
        (Choice("crm.customers"), 4),
        (Choice(run_id="run-2"), 3),
        (Choice(RULE, "run-1"), 1),
    ]
    for choice, number in chosen:
        assert quarantine.rows(gate.connection, None, choice, limit=1)[0] == number
    assert quarantine.queue(gate.connection, None, Choice(one[:10])) == 1
    (count, other) = quarantine.counts(gate.connection)
    assert (count.rule, count.open, count.queued) == ("birth_date_is_readable", 2, 1)
    assert (other.rule, other.open) == ("customer_id_is_present", 1)


def test_personal_values_are_masked_until_they_are_asked_for(gate: Gate, company: Any) -> None:
    sources, choice = load_sources(company), Choice(RULE)
    _, (masked,) = quarantine.rows(gate.connection, sources, choice, limit=9)
    assert masked.cells["Land"] == "DE"
    assert "Schulze" not in json.dumps(masked.cells) and "golf" not in json.dumps(masked.cells)
    _, (plain,) = quarantine.rows(gate.connection, sources, choice, limit=9, reveal=True)
    assert plain.cells == {"No": "2", "Name": "Schulze", "Land": "DE", "Born": "31.01.1980", "Hobby": "golf"}


@pytest.mark.parametrize(
    ("which", "how", "sentence"),
    [
        ("crm.customer", {}, "did you mean crm.customers"),
        ("all", {}, "names no rows"),
        (None, {}, "say which rows"),
        ("crm.orders", {}, "no row of crm.orders is open"),
        (RULE, {"mend": {"Birthday": "x"}}, "Birthday is no column of crm.customers"),
        (RULE, {"line": "x"}, "is no line that could not be read"),
    ],
)
def test_choice_or_mending_that_makes_no_sense_is_one_sentence(
    gate: Gate, company: Any, which: str | None, how: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        quarantine.queue(gate.connection, load_sources(company), Choice(which), **how)
    assert status(gate) == [("open", "birth_date_is_readable")]


def test_rows_in_the_queue_stay_there_while_their_source_is_broken(gate: Gate, company: Any) -> None:
    replay(gate, company, mend={"Born": "1980-01-31"})
    (gate.folder / "customers.csv").unlink()
    row = gate.load(company, "2025-01-02", {})["customers"]
    assert row.status == "failed" and status(gate)[0][0] == "queued"
    row = gate.load(company, "2025-01-03", {"customers.csv": HEAD + SOUND + BROKEN})["customers"]
    assert (row.replayed, row.loaded) == (1, 1)


def test_nothing_is_taken_for_deleted_while_a_row_has_no_name(gate: Gate, write_sources: Any) -> None:
    file = write_sources({"customers": CUSTOMERS | {"snapshot": True}})
    gate.load(file, "2025-01-01", {"customers.csv": HEAD + SOUND + BROKEN.replace("31.01.1980", "")})
    nameless = gate.load(file, "2025-01-02", {"customers.csv": HEAD + SOUND + ",Schulze,DE,,golf\n"})[
        "customers"
    ]
    assert (nameless.deleted, nameless.quarantined) == (0, 1)
    assert gate.load(file, "2025-01-03", {"customers.csv": HEAD + SOUND})["customers"].deleted == 1


def test_line_that_could_not_be_read_is_replayed_as_a_person_writes_it(
    gate: Gate, write_sources: Any
) -> None:
    file = write_sources({"customers": CUSTOMERS})
    broken = '2,"Schulze,DE,1980-01-31,golf\n'
    row = gate.load(file, "2025-01-01", {"customers.csv": HEAD + broken + SOUND})["customers"]
    assert (row.extracted, row.loaded, row.quarantined) == (2, 1, 1)
    ((kept, pointer),) = gate.rows("select content ->> '_line', source_pointer from quarantine.rows")
    assert (kept, pointer) == (broken.strip(), "customers.csv line 2")
    with pytest.raises(ConfigurationError, match="the mended line has 2 fields"):
        replay(gate, file, "crm.customers", line="2,Schulze")
    replay(gate, file, "crm.customers", line=broken.replace('"', ""))
    row = gate.load(file, "2025-01-02", {})["customers"]
    assert (row.replayed, row.loaded, row.unchanged, row.quarantined) == (1, 1, 2, 0)
    assert [key for key, *_ in gate.rows(LOGGED)] == ["1", "2"]


def test_mended_row_that_the_system_shows_again_after_another_is_judged_again(
    gate: Gate, write_sources: Any
) -> None:
    """Taken for unchanged it would be nowhere: what stands is the other one, or nothing."""
    file = write_sources({"customers": CUSTOMERS | {"snapshot": True}})
    gate.load(file, "2025-01-01", {"customers.csv": HEAD + SOUND + BROKEN})
    replay(gate, file, mend={"Born": "1980-01-31"})
    assert gate.load(file, "2025-01-02", {})["customers"].loaded == 1
    other = BROKEN.replace("31.01.1980", "1980-02-01")
    assert gate.load(file, "2025-01-03", {"customers.csv": HEAD + SOUND + other})["customers"].loaded == 1
    row = gate.load(file, "2025-01-04", {"customers.csv": HEAD + SOUND + BROKEN})["customers"]
    assert (row.unchanged, row.quarantined) == (1, 1)
    replay(gate, file, mend={"Born": "1980-01-31"})
    row = gate.load(file, "2025-01-05", {})["customers"]
    assert (row.loaded, row.unchanged, row.quarantined) == (1, 2, 0)
    assert gate.load(file, "2025-01-06", {"customers.csv": HEAD + SOUND})["customers"].deleted == 1
    row = gate.load(file, "2025-01-07", {"customers.csv": HEAD + SOUND + BROKEN})["customers"]
    assert (row.unchanged, row.quarantined) == (1, 1)


def test_line_without_a_key_is_put_back_once(gate: Gate, write_sources: Any) -> None:
    """Its key is its content and number, so that the one put back and the one still sent are the same."""
    file = write_sources({"order_lines": {"file": "lines.csv"}})
    lines = "order_id,product_id,quantity,unit_price\nO1,A,1,-2\nO1,A,1,-2\nO1,B,1,2\n"
    assert gate.load(file, "2025-01-01", {"lines.csv": lines})["order_lines"].quarantined == 2
    suite = json.loads((gate.suites / "raw/crm/order_lines.json").read_text())
    price = next(r for r in suite["expectations"] if r["meta"]["rule"] == "unit_price_is_not_negative")
    price["kwargs"]["min_value"] = -10
    gate.mend_suite("raw/crm/order_lines", suite)
    replay(gate, file, "crm.order_lines.unit_price_is_not_negative")
    row = gate.load(file, "2025-01-02", {})["order_lines"]
    assert (row.replayed, row.loaded, row.duplicate, row.unchanged) == (2, 2, 2, 1)
    row = gate.load(file, "2025-01-03", {})["order_lines"]
    assert (row.unchanged, row.deleted) == (3, 0)


def test_row_that_is_shown_beside_a_sound_one_still_waits(gate: Gate, write_sources: Any) -> None:
    columns = CUSTOMERS["columns"] | {"updated_at": "Changed"}
    file = write_sources({"customers": CUSTOMERS | {"columns": columns}})
    head = "No,Name,Land,Born,Changed\n"
    older, newer = "1,Meyer,DE,1980-01-31,2024-12-01\n", "1,Meyer,DE,31.01.1980,2024-12-02\n"
    row = gate.load(file, "2025-01-01", {"customers.csv": head + older + newer})["customers"]
    assert (row.loaded, row.quarantined) == (1, 1)
    assert status(gate) == [("open", "birth_date_is_readable")]


def test_rows_that_wait_and_are_judged_again_stop_no_night_by_their_number(
    gate: Gate, write_sources: Any
) -> None:
    """Orders of the future are judged again each time all orders are compared: beside few new ones they are most."""
    file = write_sources({"orders": {"file": "orders.csv"}})
    head = "order_id,ordered_at,updated_at\n"
    sound = "".join(f"S{n},2024-12-01 10:00:00,2024-12-01 10:00:00\n" for n in range(400))
    future = "".join(f"F{n},2031-01-01 10:00:00,2024-12-01 10:00:00\n" for n in range(60))
    first = gate.load(file, "2025-01-01", {"orders.csv": head + sound + future})["orders"]
    assert (first.loaded, first.quarantined) == (400, 60)
    new = "N1,2025-01-09 10:00:00,2025-01-09 10:00:00\n"
    night = gate.load(file, "2025-01-09", {"orders.csv": head + sound + future + new})["orders"]
    assert (night.status, night.loaded, night.quarantined) == ("loaded", 1, 60)
    counted = gate.rows("select value from audit.gate_profiles where metric = 'rows' order by as_of_date")
    assert counted == [(460,), (1,)], "what is usual is learnt from the night's own rows"
    many = "".join(f"M{n},2032-01-01 10:00:00,2025-01-10 10:00:00\n" for n in range(60))
    worse = {"orders.csv": head + sound + future + new + many}
    with pytest.raises(GateFailed, match="ordered_at_is_plausible"):
        gate.load(file, "2025-01-17", worse)
