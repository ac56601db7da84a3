"""Shipments: when an order leaves, how often the carrier fails, when it arrives."""

from dataclasses import dataclass

import numpy as np

from ckm.simulate.clock import DAY, NEVER, Clock, at_work
from ckm.simulate.columns import chosen, dates, label, moments, nullable, untidy
from ckm.simulate.company import Company
from ckm.simulate.draws import Draws
from ckm.simulate.purchases import GUEST, SALE, Orders
from ckm.simulate.words import CARRIERS

MOST_ATTEMPTS = 3
_STATUSES = ["shipped", "failed", "delivered", "returned"]


@dataclass(frozen=True)
class Deliveries:
    """What happens to the parcel of each order; NEVER for orders that need none. `until` is not applied."""

    shipped: np.ndarray
    first_attempt: np.ndarray
    failed_attempts: np.ndarray
    finished: np.ndarray
    """Moment of the delivery, or of the return to the sender after the last failed attempt."""


def deliver(company: Company, draws: Draws, orders: Orders) -> Deliveries:
    """The deliveries of the orders."""
    uid, needed = orders.uid, (orders.kind == SALE) | (orders.kind == GUEST)
    wait = 1 + draws.pick("shipping.delay", company.shipping_delay_shares, uid)
    day = orders.ordered // DAY + wait
    transit = 1 + draws.pick("transit", company.transit_day_shares, uid)
    first = at_work(day + transit, draws.uniform("delivery.hour", uid))
    failed = draws.pick("failed", company.failed_attempt_shares, uid)
    shipped = at_work(day, draws.uniform("shipping.hour", uid))
    return Deliveries(
        shipped=np.where(needed, shipped, NEVER),
        first_attempt=np.where(needed, first, NEVER),
        failed_attempts=np.where(needed, failed, 0),
        finished=np.where(needed, first + failed * DAY, NEVER),
    )


def shipment_rows(
    company: Company, draws: Draws, clock: Clock, orders: Orders, number: np.ndarray, parcels: Deliveries
) -> dict:
    """The rows of `shipments` with their state at the end of `until`; numbers count up with the moment."""
    position = np.nonzero(parcels.shipped < clock.end)[0]
    position = position[np.lexsort((orders.uid[position], parcels.shipped[position]))]
    uid, shipped, finished = orders.uid[position], parcels.shipped[position], parcels.finished[position]
    first, failed = parcels.first_attempt[position], parcels.failed_attempts[position]
    tried = np.clip((clock.end - 1 - first) // DAY + 1, 0, failed)
    ended = finished < clock.end
    outcome = np.where(failed >= MOST_ATTEMPTS, 3, 2)
    status = np.where(ended, outcome, np.where(tried > 0, 1, 0))
    last_try = np.where(tried > 0, first + (tried - 1) * DAY, shipped)
    return {
        "shipment_id": label("S-", 500_001 + np.arange(position.size)),
        "order_id": label("A-", number[position]),
        "carrier": chosen(CARRIERS, draws.pick("carrier", (0.45, 0.25, 0.2, 0.1), uid)),
        "status": untidy(draws, "shipment", chosen(_STATUSES, status), uid, company.untidy_code_share),
        "shipped_at": moments(shipped),
        "promised_on": dates(orders.ordered[position] // DAY + company.promised_days),
        "delivered_at": moments(finished, ended & (outcome == 2)),
        "failed_attempts": nullable(tried),
        "updated_at": moments(np.where(ended, finished, last_try)),
        "_uid": draws.uid("shipments", uid),
    }
