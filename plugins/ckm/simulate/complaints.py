"""Complaints: what customers complain about, and why. Their handling is in `handling`."""

from dataclasses import dataclass, replace

import numpy as np

from ckm.simulate.accounts import acting, outsiders
from ckm.simulate.clock import DAY, NEVER, Clock, at_any_hour
from ckm.simulate.company import Company
from ckm.simulate.customers import Customers
from ckm.simulate.delivery import MOST_ATTEMPTS, Deliveries
from ckm.simulate.draws import Draws
from ckm.simulate.handling import Handling, handle
from ckm.simulate.phrases import REASONS_OF
from ckm.simulate.purchases import Orders
from ckm.simulate.records import picked, stacked
from ckm.simulate.subscriptions import Subscriptions


@dataclass(frozen=True)
class Complaints:
    """Complaints made by `until`, one array element each."""

    uid: np.ndarray
    customer: np.ndarray
    """Position of the customer; -1 where somebody else complains."""
    person: np.ndarray
    """Number of the person who complains (see `accounts`)."""
    order: np.ndarray
    """Position of the sale complained about; -1 for contracts."""
    service: np.ndarray
    """Index of the service subscribed to; -1 for orders."""
    reason: np.ndarray
    """Index into `phrases.REASONS`."""
    begun: np.ndarray
    """Moment of what is complained about: the order, or the start of the subscription."""
    received: np.ndarray


def arise(
    company: Company,
    draws: Draws,
    clock: Clock,
    who: Customers,
    sales: Orders,
    parcels: Deliveries,
    returned: np.ndarray,
    informed: np.ndarray,
    subs: Subscriptions,
) -> tuple[Complaints, Handling]:
    """The complaints about `sales` and subscriptions, with those that come back, and how all are handled.

    `returned` is the moment at which each sale comes back; `informed` tells whether the customer had read
    something in the knowledge base before it.
    """
    c, uid = company.complaining, sales.uid
    failed = parcels.failed_attempts > 0
    arrived = parcels.finished // DAY
    promised = sales.ordered // DAY + company.promised_days
    late = ~failed & (arrived > promised)
    kept = ~failed | (parcels.failed_attempts < MOST_ATTEMPTS)
    soon = 1 + draws.below("complains.after", 20, uid)
    damp = np.where(informed, 1 - c.knowledge_effect, 1.0)
    parts = [
        _about_orders(draws, clock, who, c.recipient_rate, sales, cause, damp * rate, eligible, day)
        for cause, rate, eligible, day in (
            ("failed", c.failed_rate, failed, parcels.first_attempt // DAY + 1 + soon // 7),
            ("late", c.late_rate, late, promised + 1 + soon // 7),
            ("returned", c.returned_rate, returned < NEVER, returned // DAY + soon),
            ("product", c.product_rate, kept, arrived + soon),
            ("invoice", c.invoice_rate, kept, sales.ordered // DAY + 2 + soon),
            ("service", c.service_rate, kept, sales.ordered // DAY + soon),
            ("other", c.other_rate, kept, sales.ordered // DAY + soon),
        )
    ]
    first = stacked(*parts, _about_contracts(company, draws, clock, who, subs))
    handled = handle(company, draws, first)
    again = _again(company, draws, clock, first, handled)
    return stacked(first, again), stacked(handled, handle(company, draws, again))


def leaving(clock: Clock, who: Customers, complaints: Complaints, handled: Handling) -> np.ndarray:
    """Moment at which each customer leaves over a badly handled complaint; NEVER where not by `until`."""
    left = np.full(who.ids.size, NEVER)
    leaves = (complaints.customer >= 0) & (handled.leaves < clock.end)
    np.minimum.at(left, complaints.customer[leaves], handled.leaves[leaves])
    return left


def that_happen(
    complaints: Complaints, handled: Handling, left: np.ndarray, sales: Orders
) -> tuple[Complaints, Handling]:
    """The complaints about what began before the customer left; `order` then counts the sales that happen."""
    sold = sales.ordered < left[sales.customer]
    position = np.cumsum(sold) - 1
    about_order = complaints.order >= 0
    customer = np.where(about_order, sales.customer[complaints.order], complaints.customer)
    happens = complaints.begun < left[customer]
    complaints = replace(complaints, order=np.where(about_order, position[complaints.order], -1))
    return picked(complaints, happens), picked(handled, happens)


def _about_orders(
    draws: Draws,
    clock: Clock,
    who: Customers,
    recipient_rate: float,
    sales: Orders,
    cause: str,
    rate: np.ndarray,
    eligible: np.ndarray,
    day: np.ndarray,
) -> Complaints:
    """The complaints of one cause; some come from the person who received the goods as a present."""
    order = np.nonzero(eligible & draws.happens(f"complains.{cause}", rate, sales.uid))[0]
    uid = draws.uid(f"complaint.{cause}", sales.uid[order])
    received = at_any_hour(day[order], draws.uniform("complaint.hour", uid))
    order, uid, received = (values[received < clock.end] for values in (order, uid, received))
    reasons = np.array(REASONS_OF[cause])
    customer = sales.customer[order]
    recipient = draws.happens("complaint.recipient", recipient_rate, uid)
    person = acting(draws, who, "complaint", customer, uid)
    return Complaints(
        uid=uid,
        customer=np.where(recipient, -1, customer),
        person=np.where(recipient, outsiders(uid), person),
        order=order,
        service=np.full(order.size, -1),
        reason=reasons[draws.below("complaint.reason", reasons.size, uid)],
        begun=sales.ordered[order],
        received=received,
    )


def _about_contracts(
    company: Company, draws: Draws, clock: Clock, who: Customers, subs: Subscriptions
) -> Complaints:
    """The complaints about subscriptions, some weeks after their start."""
    rate = company.complaining.contract_rate
    sub = np.nonzero(draws.happens("complains.contract", rate, subs.customer))[0]
    uid = draws.uid("complaint.contract", subs.customer[sub])
    day = subs.started[sub] + 5 + draws.below("complaint.contract.day", 180, uid)
    received = at_any_hour(day, draws.uniform("complaint.hour", uid))
    sub, uid, received = (values[received < clock.end] for values in (sub, uid, received))
    reasons = np.array(REASONS_OF["contract"])
    customer = subs.customer[sub]
    return Complaints(
        uid=uid,
        customer=customer,
        person=acting(draws, who, "complaint", customer, uid),
        order=np.full(sub.size, -1),
        service=subs.service[sub],
        reason=reasons[draws.below("complaint.reason", reasons.size, uid)],
        begun=subs.started[sub] * DAY,
        received=received,
    )


def _again(company: Company, draws: Draws, clock: Clock, first: Complaints, handled: Handling) -> Complaints:
    """The complaints that come back after their end, about the same thing."""
    c = company.complaining
    again = draws.happens("complains.again", c.recurrence_rate, first.uid) & (handled.ended < clock.end)
    of = picked(first, again)
    uid = draws.uid("complaint.again", of.uid)
    day = handled.ended[again] // DAY + 1 + draws.below("complaint.again.day", c.recurrence_days, uid)
    received = at_any_hour(day, draws.uniform("complaint.hour", uid))
    return picked(replace(of, uid=uid, received=received), received < clock.end)
