"""`ckm run` tells by webhook how a night ended, for whoever starts it from a crontab."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import Finished
from tests.dags.company import write_company
from tests.plugins.alert.listeners import Webhook, running

from ckm.nightly import STEPS

WHAT_TO_DO = {step.name: step.on_failure for step in STEPS}


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with running(Webhook()) as server:
        yield server


def test_a_night_that_a_gate_stops_is_told_with_what_to_do(
    ckm: Callable[..., Finished], webhook: Webhook, tmp_path: Path
) -> None:
    sources = write_company(tmp_path)
    customers = tmp_path / "customers.csv"
    columns = customers.read_text().splitlines()[0]
    unreadable = [f"C{number},Name{number},soon,soon" for number in range(60)]
    customers.write_text("\n".join([columns, *unreadable]))
    run = ["run", "--sources", sources, "--home", tmp_path / "home", "--date", "2025-11-28"]
    done = ckm(*run, CKM_ALERT_WEBHOOK=webhook.url)
    assert done.code == 1, done.out + done.err
    (told,) = webhook.received
    assert (told["kind"], told["company"], told["night"]) == ("failure", "Tiny", "2025-11-28")
    assert told["run_id"] == "2025-11-28.1"
    assert told["findings"][0]["what"].startswith("crm.customers")
    assert told["findings"][0]["since"] == "2025-11-28"
    assert told["published"] is None
    assert told["what_to_do"] == WHAT_TO_DO["gate_raw"]
    assert "Name1" not in told["text"]
    assert done.err.startswith("ckm: crm.customers: rule ")  # the command says it once, in its own words
    assert told["text"] not in done.out


def test_a_configuration_that_is_wrong_is_told_before_there_is_a_run(
    ckm: Callable[..., Finished], webhook: Webhook, tmp_path: Path
) -> None:
    sources = write_company(tmp_path)
    (tmp_path / "orders.csv").unlink()
    run = ["run", "--sources", sources, "--home", tmp_path / "home", "--date", "2025-11-28"]
    assert ckm(*run, CKM_ALERT_WEBHOOK=webhook.url).code == 2
    (told,) = webhook.received
    assert told["run_id"] is None
    assert "orders" in told["findings"][0]["what"]


@pytest.mark.prove
def test_what_is_stale_is_told_once_for_several_nights(
    ckm: Callable[..., Finished], webhook: Webhook, tmp_path: Path
) -> None:
    sources = write_company(tmp_path)
    run = ["run", "--sources", sources, "--home", tmp_path / "home"]
    assert ckm(*run, "--date", "2025-11-28", CKM_ALERT_WEBHOOK=webhook.url).code == 0
    assert webhook.received == []
    (tmp_path / "products.csv").unlink()
    nights = ["--from", "2025-11-29", "--to", "2025-11-30"]
    assert ckm(*run, *nights, CKM_ALERT_WEBHOOK=webhook.url).code == 4
    (told,) = [told for told in webhook.received if told["kind"] == "stale_source"]
    (found,) = told["findings"]
    assert told["night"] == "2025-11-30"
    assert found["what"].startswith("crm.products: no file matches products.csv")
    assert (found["since"], found["last_good"]) == ("2025-11-29", "2025-11-28")
    assert told["published"] == {"name": "2025-11-30.1", "as_of_date": "2025-11-30"}
