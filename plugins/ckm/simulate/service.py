"""Service: interactions with their notes, the workrooms of company customers, and what service costs."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtri

from ckm.simulate.clock import DAY, NEVER, Clock, at_work, month_starts, next_months, periods
from ckm.simulate.columns import chosen, dates, joined, label, moments, money, untidy
from ckm.simulate.company import Company
from ckm.simulate.customers import Customers, contact_ids, customer_ids
from ckm.simulate.delivery import Deliveries
from ckm.simulate.draws import Draws
from ckm.simulate.purchases import SALE, Orders
from ckm.simulate.records import picked
from ckm.simulate.staff import KEY_ACCOUNT, SERVICE, Staff, trust
from ckm.simulate.words import NOTES, SUBJECTS, WORKROOM_TITLES, WORKROOM_TYPES

QUESTION, FAILED_DELIVERY, BUSINESS = range(3)
_CHANNELS = ["call", "mail", "chat", "visit", "meeting"]
_CHANNEL_SHARES = ((0.45, 0.35, 0.20, 0.0, 0.0), (0.80, 0.05, 0.15, 0.0, 0.0), (0.35, 0.15, 0.0, 0.30, 0.20))
MOODS = ["positive", "neutral", "negative"]
_MOOD_SHARES = ((0.30, 0.50, 0.20), (0.05, 0.30, 0.65), (0.45, 0.45, 0.10))
_MINUTES = (5.0, 7.0, 25.0)
_ITEM_SHARES = (0.30, 0.15, 0.15, 0.15, 0.15, 0.10)


@dataclass(frozen=True)
class Interactions:
    """Interactions begun by `until`, in the order of their beginning; `order` is a position or -1."""

    uid: np.ndarray
    customer: np.ndarray
    origin: np.ndarray
    order: np.ndarray
    started: np.ndarray
    seconds: np.ndarray
    employee: np.ndarray
    """Number of the employee who meets the customer."""


def meet(
    company: Company,
    draws: Draws,
    clock: Clock,
    staff: Staff,
    who: Customers,
    orders: Orders,
    parcels: Deliveries,
    left: np.ndarray,
) -> Interactions:
    """Questions after sales, calls after failed deliveries and the regular contacts with companies until
    they have left."""
    position = np.arange(orders.uid.size)
    sold = orders.kind == SALE
    asked = position[sold & draws.happens("question", company.question_rate, orders.uid)]
    asked_day = orders.ordered[asked] // DAY + 1 + draws.below("question.days", 14, orders.uid[asked])
    angry = sold & (parcels.failed_attempts > 0)
    angry = position[angry & draws.happens("complains", company.failed_delivery_call_rate, orders.uid)]
    angry_day = parcels.first_attempt[angry] // DAY + 1
    firms = who.ids[who.is_company]
    owner, k = periods(who.created[firms], np.minimum(clock.end, left[firms]) - 1, 30)
    met = draws.happens("business contact", company.business_contact_rate_per_30d, firms[owner], k)
    firm, k = firms[owner[met]], k[met]
    firm_day = who.created[firm] // DAY + k * 30 + 1 + draws.below("business.day", 29, firm, k)

    origin = np.repeat([QUESTION, FAILED_DELIVERY, BUSINESS], [asked.size, angry.size, firm.size])
    order = np.concatenate([asked, angry, np.full(firm.size, -1)])
    customer = np.concatenate([orders.customer[asked], orders.customer[angry], firm])
    uid = np.concatenate(
        [
            draws.uid("question", orders.uid[asked]),
            draws.uid("complaint call", orders.uid[angry]),
            draws.uid("business", firm, k),
        ]
    )
    started = at_work(np.concatenate([asked_day, angry_day, firm_day]), draws.uniform("meeting.hour", uid))
    typical = np.array(_MINUTES)[origin] * 60
    seconds = (typical * np.exp(0.5 * draws.normal("duration", uid))).astype(np.int64) + 20
    post = np.where(
        origin == BUSINESS,
        staff.post(draws, "account manager", KEY_ACCOUNT, customer),
        staff.post(draws, "agent", SERVICE, uid),
    )
    employee = staff.holder(post, started)
    all_of_them = Interactions(uid, customer, origin, order, started, np.minimum(seconds, 14_400), employee)
    kept = np.lexsort((uid, started))
    return picked(all_of_them, kept[started[kept] < clock.end])


def moods(felt: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Index of the mood that shows how a customer feels (about standard normal): with `shares[mood]`, each a
    number or one per customer, at a mean feeling."""
    return np.where(felt > ndtri(1 - shares[0]), 0, np.where(felt < ndtri(shares[2]), 2, 1))


def interaction_rows(
    company: Company, draws: Draws, clock: Clock, who: Customers, met: Interactions, number: np.ndarray
) -> dict:
    """The rows of `interactions`; `number` holds the orders' numbers. Some notes come the next morning."""
    uid, customer, origin = met.uid, met.customer, met.origin
    by_origin = [draws.pick(f"channel {o}", _CHANNEL_SHARES[o], uid) for o in range(3)]
    channel = np.choose(origin, by_origin)
    felt = company.mood_trust_effect * trust(draws, met.employee) + draws.normal("mood", uid)
    mood = moods(felt, np.array(_MOOD_SHARES)[origin].T)
    subject = np.choose(origin, [draws.below("subject", 4, uid), 4, 5 + draws.below("subject", 2, uid)])
    template = subject.astype(np.int64)
    ended = met.started + met.seconds
    written_at = np.where(draws.happens("late note", 0.1, uid), (ended // DAY + 1) * DAY + 7 * 3600, ended)
    written = written_at < clock.end
    has_note = draws.happens("note", company.note_rate, uid) & written
    ordered = number[np.maximum(met.order, 0)] if number.size else np.zeros(uid.size, dtype=np.int64)
    known = met.order >= 0
    reference = pc.if_else(pa.array(known), label("A-", ordered), customer_ids(customer))
    pieces = [chosen([note[i] for note in NOTES], template) for i in range(3)]
    note = joined(pieces[0], who.display.take(pa.array(customer)), pieces[1], reference, pieces[2])
    contact = np.where(
        who.contacts[customer] > 0, draws.below("who", np.maximum(who.contacts[customer], 1), uid), -1
    )
    share = company.untidy_code_share
    return {
        "interaction_id": label("I-", 1_000_001 + np.arange(uid.size)),
        "customer_id": customer_ids(customer),
        "contact_id": contact_ids(customer, contact),
        "employee_id": label("MA-", met.employee),
        "channel": untidy(draws, "interaction", chosen(_CHANNELS, channel), uid, share),
        "direction": chosen(["inbound", "outbound"], (origin == BUSINESS).astype(np.int64)),
        "subject": chosen(SUBJECTS, template),
        "note": pc.if_else(pa.array(has_note), note, pa.scalar(None, pa.string())),
        "mood": untidy(draws, "mood", chosen(MOODS, mood), uid, share),
        "started_at": moments(met.started),
        "duration_seconds": met.seconds,
        "updated_at": moments(np.where(written, written_at, ended)),
        "_uid": uid,
    }


def workroom_rows(
    company: Company, draws: Draws, clock: Clock, staff: Staff, who: Customers, left: np.ndarray
) -> dict:
    """The rows of `workroom_items` of company customers until they have left."""
    firms = who.ids[who.is_company]
    owner, k = periods(who.created[firms], np.minimum(clock.end, left[firms]) - 1, 30)
    made = draws.happens("workroom", company.workroom_rate_per_30d, firms[owner], k)
    firm, k = firms[owner[made]], k[made]
    uid = draws.uid("workroom_items", firm, k)
    opened = at_work(
        who.created[firm] // DAY + k * 30 + 1 + draws.below("item.day", 29, uid), draws.uniform("item.h", uid)
    )
    kept = np.lexsort((uid, opened))
    kept = kept[opened[kept] < clock.end]
    firm, uid, opened = firm[kept], uid[kept], opened[kept]
    kind = draws.pick("item.kind", _ITEM_SHARES, uid)
    due = opened // DAY + 14 + draws.below("item.due", 45, uid)
    lasting = draws.exponential("item.lasts", 25.0, uid).astype(np.int64) + 1
    forgotten = draws.happens("item.forgotten", 0.08, uid)
    closed = np.where(forgotten, NEVER, at_work(opened // DAY + lasting, draws.uniform("item.closed", uid)))
    expired = np.where(forgotten, (due + 90) * DAY + 5 * 3600, NEVER)
    done, gone = closed < clock.end, expired < clock.end
    title = joined(
        chosen(WORKROOM_TITLES, kind), " ", who.display.take(pa.array(firm)), " (", customer_ids(firm), ")"
    )
    post = staff.post(draws, "account manager", KEY_ACCOUNT, firm)
    types = untidy(draws, "item_type", chosen(WORKROOM_TYPES, kind), uid, company.untidy_code_share)
    return {
        "item_id": label("W-", 30_001 + np.arange(uid.size)),
        "customer_id": customer_ids(firm),
        "item_type": types,
        "title": title,
        "status": chosen(["open", "done", "expired"], np.where(done, 1, np.where(gone, 2, 0))),
        "owner_employee_id": label("MA-", staff.holder(post, opened)),
        "opened_at": moments(opened),
        "due_on": dates(due),
        "closed_at": moments(closed, done),
        "ends_on": dates(opened // DAY + 365, kind == 1),
        "updated_at": moments(np.where(done, closed, np.where(gone, expired, opened))),
        "_uid": uid,
    }


def cost_rows(
    company: Company, draws: Draws, clock: Clock, orders: Orders, parcels: Deliveries, met: Interactions
) -> dict:
    """The rows of `service_costs`: minutes of service and parcels per customer and month, booked on the 3rd
    of the month after."""
    sent = np.nonzero((parcels.shipped < clock.end) & (orders.customer >= 0))[0]
    parcel = company.parcel_cost + company.failed_attempt_cost * parcels.failed_attempts[sent]
    customer = np.concatenate([met.customer, orders.customer[sent]])
    kind = np.repeat([0, 1], [met.uid.size, sent.size])
    month = month_starts(np.concatenate([met.started, parcels.shipped[sent]]) // DAY)
    cents = np.concatenate([met.seconds / 60 * company.service_minute_cost, parcel]) * 100
    booked = (next_months(month) + 2) * DAY + 8 * 3600 < clock.end
    table = pa.table(
        {"month": month, "customer": customer, "kind": kind, "cents": np.rint(cents).astype(np.int64)}
    )
    sums = (
        table.filter(pa.array(booked)).group_by(["month", "customer", "kind"]).aggregate([("cents", "sum")])
    )
    month, customer, kind, cents = (sums[c].to_numpy() for c in ("month", "customer", "kind", "cents_sum"))
    order = np.lexsort((kind, customer, month))
    month, customer, kind, cents = month[order], customer[order], kind[order], cents[order]
    return {
        "customer_id": customer_ids(customer),
        "month": dates(month),
        "cost_kind": chosen(["service", "logistics"], kind),
        "amount": money(cents / 100),
        "updated_at": moments((next_months(month) + 2) * DAY + 8 * 3600),
        "_uid": draws.uid("service_costs", customer, month, kind),
    }
