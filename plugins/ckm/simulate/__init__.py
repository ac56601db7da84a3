"""A believable company: its source systems as files, its `sources.yml`, and the truth behind them."""

from datetime import date
from pathlib import Path

from ckm.errors import ConfigurationError
from ckm.simulate import (
    catalogue,
    delivery,
    lines,
    purchases,
    service,
    staff,
    subscriptions,
)
from ckm.simulate import (
    customers as people,
)
from ckm.simulate.clock import Clock
from ckm.simulate.company import COMPANY
from ckm.simulate.draws import Draws
from ckm.simulate.write import personal_values, write_crm, write_sources, write_truth


def simulate(folder: Path, *, customers: int, seed: int, until: date) -> None:
    """Write `crm/`, `sources.yml` and `truth/` under `folder`, as they stand at the end of `until`.

    `customers` is the number won in the company's first two years; more come at the same pace afterwards.
    The same seed gives the same company: a later `until` adds what happened since and shows the newest
    version of rows that changed, and changes nothing else.

    Raises:
        ConfigurationError: `customers` is below 1 or `until` lies before the company's start.
    """
    company = COMPANY
    if customers < 1:
        raise ConfigurationError(f"--customers must be at least 1, not {customers}.")
    if until < company.start:
        raise ConfigurationError(f"--until must not be before {company.start}, the company's start: {until}.")
    draws, clock = Draws(seed), Clock(company, until)
    team, employee_rows = staff.hire(company, draws, clock, customers)
    goods, product_rows, rate_rows = catalogue.stock(company, draws, clock)
    who, customer_rows, former_streets = people.arrive(company, draws, clock, team, customers)

    first_orders, buyers = purchases.buy(company, draws, clock, who)
    finished = delivery.deliver(company, draws, first_orders).finished
    orders = purchases.follow_ups(company, draws, clock, first_orders, finished)
    parcels = delivery.deliver(company, draws, orders)
    number = purchases.numbered(orders)
    sold = lines.split(company, draws, goods, orders)
    all_lines = lines.together(sold, lines.reversals(goods, orders, sold))
    subs = subscriptions.subscribe(company, draws, clock, who)
    met = service.meet(company, draws, clock, who, orders, parcels)

    objects = {
        "customers": customer_rows,
        "contacts": people.contact_rows(draws, clock, who),
        "consents": people.consent_rows(company, draws, clock, who),
        "employees": employee_rows,
        "products": product_rows,
        "orders": purchases.order_rows(company, draws, clock, team, orders, number, parcels.finished),
        "order_lines": lines.line_rows(draws, goods, orders, number, all_lines),
        "shipments": delivery.shipment_rows(company, draws, clock, orders, number, parcels),
        "subscriptions": subscriptions.subscription_rows(company, draws, clock, who, goods, subs),
        "usage_events": subscriptions.usage_rows(company, draws, clock, goods, subs),
        "interactions": service.interaction_rows(company, draws, clock, team, who, met, number),
        "workroom_items": service.workroom_rows(company, draws, clock, team, who),
        "service_costs": service.cost_rows(company, draws, clock, orders, parcels, met),
        "exchange_rates": rate_rows,
        "targets": catalogue.targets(company, draws, clock, customers),
    }
    folder.mkdir(parents=True, exist_ok=True)
    defects = write_crm(folder, draws, objects)
    write_sources(folder, company)
    personal = [*personal_values(objects), former_streets]
    truth = {"seed": seed, "customers": customers, "until": until}
    write_truth(folder, company, defects, who, buyers, personal, **truth)
