"""The rows of the complaint system: complaints in their latest state, and the steps of their handling."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckm.simulate.accounts import Accounts
from ckm.simulate.catalogue import Catalogue
from ckm.simulate.clock import NEVER, Clock
from ckm.simulate.columns import chosen, joined, label, moments, money, nullable, untidy
from ckm.simulate.company import Company
from ckm.simulate.complaints import Complaints
from ckm.simulate.draws import Draws
from ckm.simulate.handling import Handling
from ckm.simulate.phrases import (
    COMPLAINT_CHANNEL_SHARES,
    COMPLAINT_CHANNELS,
    HANDLING_NOTES,
    PRIORITIES,
    REASONS,
    RESOLUTIONS,
)
from ckm.simulate.staff import SERVICE, Staff
from ckm.simulate.words import CURRENCIES

_STATUSES = ("open", "in_progress", "resolved", "closed", "rejected")
_REJECTION = len(RESOLUTIONS) - 1
_STEPS = ("received", "assigned", "acted", "contacted", "escalated", "resolved", "reopened", "closed")
_NO_TEXT = pa.scalar(None, pa.string())


def complaint_numbers(complaints: Complaints) -> np.ndarray:
    """Number of each complaint: they count up with the moment of receipt."""
    number = np.empty(complaints.uid.size, dtype=np.int64)
    number[np.lexsort((complaints.uid, complaints.received))] = 80_001 + np.arange(number.size)
    return number


def complaint_ids(number: np.ndarray) -> pa.Array:
    """Native ids of complaints; null where the number is negative."""
    return label("C-", number, number >= 0)


def posts(draws: Draws, staff: Staff, complaints: Complaints, handled: Handling) -> np.ndarray:
    """The post responsible for each complaint: another than the receiver's where it is handed on."""
    receiver = staff.post(draws, "complaint.receiver", SERVICE, complaints.uid)
    owner = staff.post(draws, "complaint.owner", SERVICE, complaints.uid)
    return np.where(handled.assigned < NEVER, owner, receiver)


def resolvers(draws: Draws, staff: Staff, complaints: Complaints, handled: Handling) -> np.ndarray:
    """Number of the employee who resolves each complaint."""
    return staff.holder(posts(draws, staff, complaints, handled), handled.ended)


def complaint_rows(
    company: Company,
    draws: Draws,
    clock: Clock,
    staff: Staff,
    accounts: Accounts,
    complaints: Complaints,
    handled: Handling,
    order_number: np.ndarray,
    first_product: np.ndarray,
    goods: Catalogue,
) -> dict:
    """The rows of `complaints`; `order_number` and `first_product` are those of each order's position."""
    c, end, uid = company.complaining, clock.end, complaints.uid
    resolved = np.where(handled.resolved < end, handled.resolved, NEVER)
    resolved = np.where(handled.reopened < end, NEVER, resolved)
    resolved = np.where(handled.resolved_again < end, handled.resolved_again, resolved)
    done, closed, acted = resolved < end, handled.closed < end, handled.begun < end
    rejected = draws.happens("complaint.rejected", c.rejected_rate, uid)
    status = np.where(done, np.where(rejected, 4, np.where(closed, 3, 2)), np.where(acted, 1, 0))
    resolution = np.where(rejected, _REJECTION, draws.below("complaint.resolution", _REJECTION, uid))
    paid = done & ~rejected & draws.happens("complaint.compensated", c.compensated_rate, uid)
    amount = 5.0 * (1 + draws.below("complaint.amount", 8, uid))

    about_order = complaints.order >= 0
    order = np.maximum(complaints.order, 0)
    number = order_number[order] if order_number.size else order
    product = first_product[order] if first_product.size else order
    product = np.where(complaints.service >= 0, goods.first_service + complaints.service, product)
    says_order = about_order & draws.happens("complaint.order", 0.75, uid)
    says_product = (complaints.service >= 0) | np.isin(complaints.reason, (2, 3, 4))
    reference = pc.if_else(pa.array(about_order), label("A-", number), label("P-", 1001 + product))
    text = joined(
        chosen([reason[3] for reason in REASONS], complaints.reason),
        reference,
        chosen([reason[4] for reason in REASONS], complaints.reason),
        " ",
        accounts.of(complaints.person, accounts.full_names),
    )
    channel = draws.pick("complaint.channel", COMPLAINT_CHANNEL_SHARES, uid)
    untidy_share = company.untidy_code_share

    def given(column: pa.Array, share: float, name: str) -> pa.Array:
        said = draws.happens(f"complaint.says {name}", share, uid)
        return pc.if_else(pa.array(said), accounts.of(complaints.person, column), _NO_TEXT)

    receiver = staff.holder(staff.post(draws, "complaint.receiver", SERVICE, uid), complaints.received)
    handed_on = handled.assigned < end
    post = posts(draws, staff, complaints, handled)
    owner = np.where(handed_on, staff.holder(post, np.minimum(handled.assigned, end)), receiver)
    rows = {
        "complaint_id": complaint_ids(complaint_numbers(complaints)),
        "customer_id": accounts.of(complaints.person, accounts.customer_ids),
        "complainant_id": accounts.of(complaints.person, accounts.ids),
        "full_name": accounts.of(complaints.person, accounts.full_names),
        "company_name": accounts.of(complaints.person, accounts.company_names),
        "email": given(accounts.emails, 0.85, "email"),
        "phone": given(accounts.phones, 0.80, "phone"),
        "postal_code": given(accounts.addresses["postal_code"], 0.70, "address"),
        "city": given(accounts.addresses["city"], 0.70, "address"),
        "order_id": label("A-", number, says_order),
        "product_id": label("P-", 1001 + product, says_product),
        "category": untidy(
            draws,
            "complaint",
            chosen([reason[0] for reason in REASONS], complaints.reason),
            uid,
            untidy_share,
        ),
        "subcategory": chosen([reason[1] for reason in REASONS], complaints.reason),
        "channel": untidy(draws, "complaint_channel", chosen(COMPLAINT_CHANNELS, channel), uid, untidy_share),
        "priority": chosen(PRIORITIES, draws.pick("complaint.priority", (0.2, 0.6, 0.2), uid)),
        "status": chosen(_STATUSES, status),
        "resolution": chosen(RESOLUTIONS, resolution, done),
        "root_cause": chosen([reason[2] for reason in REASONS], complaints.reason, done),
        "received_by_employee_id": label("MA-", receiver),
        "owner_employee_id": label("MA-", owner),
        "resolved_by_employee_id": label("MA-", staff.holder(post, np.where(done, resolved, 0)), done),
        "received_at": moments(complaints.received),
        "first_action_at": moments(handled.begun, acted),
        "due_at": moments(handled.due),
        "resolved_at": moments(resolved, done),
        "closed_at": moments(handled.closed, closed),
        "is_timely": nullable(resolved <= handled.due, done),
        "is_disputed": pa.array(handled.reopened < end),
        "compensation_amount": nullable(money(amount), paid),
        "currency_code": chosen(
            CURRENCIES, accounts.country[np.searchsorted(accounts.person, complaints.person)]
        ),
        "complaint_text": text,
        "updated_at": moments(_latest(clock, complaints, handled)),
        "_uid": uid,
    }
    return _sorted(rows, np.lexsort((uid, complaints.received)))


def event_rows(
    draws: Draws,
    clock: Clock,
    staff: Staff,
    accounts: Accounts,
    complaints: Complaints,
    handled: Handling,
) -> dict:
    """The rows of `complaint_events`."""
    uid = complaints.uid
    met_first = draws.happens("complaint.met first", 0.5, uid)
    taken = (  # step, moment
        (np.zeros(uid.size, np.int64), complaints.received),
        (np.full(uid.size, 1), handled.assigned),
        (np.where(met_first, 3, 2), handled.begun),
        (np.full(uid.size, 3), handled.contacted),
        (np.full(uid.size, 4), handled.escalated),
        (np.full(uid.size, 5), handled.resolved),
        (np.full(uid.size, 6), handled.reopened),
        (np.full(uid.size, 5), handled.resolved_again),
        (np.full(uid.size, 7), handled.closed),
    )
    step = np.concatenate([step for step, _ in taken])
    moment = np.concatenate([moment for _, moment in taken])
    of = np.tile(np.arange(uid.size), len(taken))
    slot = np.repeat(np.arange(len(taken)), uid.size)
    kept = np.lexsort((slot, uid[of], moment))
    kept = kept[moment[kept] < clock.end]
    step, moment, of, slot = step[kept], moment[kept], of[kept], slot[kept]

    receiver = staff.post(draws, "complaint.receiver", SERVICE, uid)[of]
    post = np.where(slot < 2, receiver, posts(draws, staff, complaints, handled)[of])
    by_employee = step != 6  # the customer reopens it
    event = draws.uid("complaint_events", uid[of], slot)
    meets = np.isin(step, (0, 3, 5, 6))
    channel = draws.pick("event.channel", COMPLAINT_CHANNEL_SHARES, event)
    channel = np.where(step == 0, draws.pick("complaint.channel", COMPLAINT_CHANNEL_SHARES, uid)[of], channel)
    kind = draws.below("event.note", len(HANDLING_NOTES), event)
    noted = draws.happens("event.noted", 0.35, event) & (step > 0) & by_employee
    note = joined(
        chosen([before for before, _ in HANDLING_NOTES], kind, noted),
        accounts.of(complaints.person[of], accounts.full_names),
        chosen([later for _, later in HANDLING_NOTES], kind),
    )
    return {
        "event_id": label("CE-", 1 + np.arange(of.size)),
        "complaint_id": complaint_ids(complaint_numbers(complaints)[of]),
        "event_type": chosen(_STEPS, step),
        "employee_id": label("MA-", staff.holder(post, moment), by_employee),
        "channel": chosen(COMPLAINT_CHANNELS, channel, meets),
        "note": note,
        "occurred_at": moments(moment),
        "updated_at": moments(moment),
        "_uid": event,
    }


def _latest(clock: Clock, complaints: Complaints, handled: Handling) -> np.ndarray:
    """Moment of the newest step of each complaint by `until`."""
    newest = complaints.received
    for moment in (
        handled.assigned,
        handled.begun,
        handled.contacted,
        handled.escalated,
        handled.resolved,
        handled.reopened,
        handled.resolved_again,
        handled.closed,
    ):
        newest = np.maximum(newest, np.where(moment < clock.end, moment, 0))
    return newest


def _sorted(rows: dict, order: np.ndarray) -> dict:
    """The rows in another order."""
    take = pa.array(order)
    return {
        name: values.take(take) if isinstance(values, pa.Array) else values[order]
        for name, values in rows.items()
    }
