"""Orders: BG/NBD purchases with Gamma-Gamma values, and the guest, cancelled, returned and goodwill orders.

Only sales belong to the BG/NBD process. Guest orders (no customer) and cancelled orders come on top, so
that what is left after leaving them out follows the process exactly.
"""

from dataclasses import dataclass, replace

import numpy as np

from ckm.simulate.clock import DAY, NEVER, Clock, at_any_hour, at_work
from ckm.simulate.columns import chosen, dates, label, moments, untidy
from ckm.simulate.company import Company
from ckm.simulate.customers import Customers, customer_ids
from ckm.simulate.draws import Draws
from ckm.simulate.records import picked, stacked
from ckm.simulate.staff import SALES, Staff
from ckm.simulate.words import CURRENCIES

SALE, GUEST, CANCELLED, RETURN, ADJUSTMENT = range(5)
_TYPES = ["sale", "sale", "sale", "return", "adjustment"]
_STATUSES = ["open", "completed", "cancelled"]
FIRST_ORDER = 200_001


@dataclass(frozen=True)
class Orders:
    """Orders placed by `until`, one array element each."""

    uid: np.ndarray
    customer: np.ndarray
    """Position of the customer; -1 where unknown."""
    kind: np.ndarray
    ordered: np.ndarray
    country: np.ndarray
    eur: np.ndarray
    """Net value in EUR; 0 for returns and adjustments, whose lines say it."""
    origin: np.ndarray
    """Position, in the same arrays, of the sale that a return takes back; -1 for other kinds."""

    def where(self, mask: np.ndarray) -> "Orders":
        """The orders of the mask; their origins must not be needed any more."""
        return picked(self, mask)


@dataclass(frozen=True)
class Buyers:
    """The hidden purchase process of each customer."""

    rate: np.ndarray
    """Purchases per day while alive."""
    dropout: np.ndarray
    """Probability of dropping out after a repeat purchase."""
    mean_value: np.ndarray
    """Expected order value, EUR."""
    alive: np.ndarray
    """Whether still buying at the end of `until`."""


def buy(
    company: Company, draws: Draws, clock: Clock, who: Customers, joined: np.ndarray
) -> tuple[Orders, Buyers]:
    """The sales as they come about where nobody leaves, and who makes them; one per element.

    `joined` is the moment from which each customer takes part in co-creation and spends more.
    """
    ids, c = who.ids, company
    rate = draws.gamma("bgnbd.rate", c.bgnbd_r, c.bgnbd_alpha, ids)
    dropout = draws.beta("bgnbd.dropout", c.bgnbd_a, c.bgnbd_b, ids)
    scale = draws.gamma("spend.scale", c.gamma_gamma_q, c.gamma_gamma_gamma, ids)
    alive = ~who.is_prospect
    active = ids[alive & (who.arrival < clock.horizon)]
    time, k = who.arrival[active], 0
    rounds = [(active[:0], active[:0], time[:0])]
    while active.size:
        rounds.append((active, np.full(active.size, k), time))
        k += 1
        time = time + draws.exponential("bgnbd.gap", 1 / rate[active], active, k)
        bought = time < clock.horizon
        active, time = active[bought], time[bought]
        stays = ~draws.happens("bgnbd.leaves", dropout[active], active, k)
        if not stays.all():
            rounds.append((active[~stays], np.full((~stays).sum(), k), time[~stays]))
        alive[active[~stays]] = False
        active, time = active[stays], time[stays]
    customer, number, time = (np.concatenate(part) for part in zip(*rounds, strict=True))
    uid, ordered = draws.uid("sale", customer, number), clock.moments(time)
    taking_part = ordered >= joined[customer]
    value = draws.gamma("spend", c.gamma_gamma_p, scale[customer], uid)
    sales = Orders(
        uid=uid,
        customer=customer,
        kind=np.full(customer.size, SALE),
        ordered=ordered,
        country=who.country[customer],
        eur=value * np.where(taking_part, 1 + c.cocreating.order_value_uplift, 1.0),
        origin=np.full(customer.size, -1),
    )
    return sales, Buyers(rate, dropout, c.gamma_gamma_p / scale, alive)


def with_extras(company: Company, draws: Draws, clock: Clock, who: Customers, sales: Orders) -> Orders:
    """The sales, guest orders a day after some of them, and orders cancelled within the hour before some
    repeat sales."""
    guest = sales.where(draws.happens("guest", company.guest_rate, sales.uid))
    guest_at = at_any_hour(guest.ordered // DAY + 1, draws.uniform("guest.hour", guest.uid))
    guests = again(draws, "guest.order", guest, GUEST, guest_at, customer=np.full(guest.uid.size, -1))
    repeat = sales.ordered > who.arrived[sales.customer]
    dropped = sales.where(draws.happens("cancelled", company.cancelled_rate, sales.uid) & repeat)
    before = dropped.ordered - 600 - draws.below("cancelled.before", 3000, dropped.uid)
    cancelled = again(draws, "cancelled.order", dropped, CANCELLED, before)
    return stacked(sales, guests.where(guests.ordered < clock.end), cancelled)


def again(
    draws: Draws, name: str, of: Orders, kind: int, ordered: np.ndarray, customer: np.ndarray | None = None
) -> Orders:
    """Orders of another kind that follow from the orders `of`, with ids of their own."""
    return Orders(
        uid=draws.uid(name, of.uid),
        customer=of.customer if customer is None else customer,
        kind=np.full(of.uid.size, kind),
        ordered=ordered,
        country=of.country,
        eur=of.eur,
        origin=of.origin,
    )


def returned(company: Company, draws: Draws, orders: Orders, finished: np.ndarray) -> np.ndarray:
    """Moment at which each sale, delivered at `finished`, comes back; NEVER for those that stay."""
    after = 3 + draws.below("return.days", 19, orders.uid)
    back = at_work(finished // DAY + after, draws.uniform("return.hour", orders.uid))
    goes_back = (orders.kind == SALE) & draws.happens("return", company.return_rate, orders.uid)
    return np.where(goes_back, back, NEVER)


def follow_ups(company: Company, draws: Draws, clock: Clock, orders: Orders, finished: np.ndarray) -> Orders:
    """The orders, with the returns and goodwill adjustments that follow sales delivered at `finished`."""
    sold = orders.kind == SALE
    returned_at = returned(company, draws, orders, finished)
    goes_back = np.nonzero(returned_at < clock.end)[0]
    of = orders.where(goes_back)
    returns = again(draws, "return.order", of, RETURN, returned_at[goes_back])
    returns = replace(returns, eur=of.eur * 0, origin=goes_back)
    settled = orders.where(sold & draws.happens("adjustment", company.adjustment_rate, orders.uid))
    settled_day = settled.ordered // DAY + 5 + draws.below("adjustment.days", 30, settled.uid)
    settled_at = at_work(settled_day, draws.uniform("adjustment.hour", settled.uid))
    adjustments = again(draws, "adjustment.order", settled, ADJUSTMENT, settled_at)
    adjustments = replace(adjustments, eur=settled.eur * 0)
    return stacked(orders, returns, adjustments.where(adjustments.ordered < clock.end))


def numbered(orders: Orders) -> np.ndarray:
    """Number of each order: they count up with the moment of ordering."""
    number = np.empty(orders.uid.size, dtype=np.int64)
    number[np.lexsort((orders.uid, orders.ordered))] = FIRST_ORDER + np.arange(orders.uid.size)
    return number


def order_rows(
    company: Company,
    draws: Draws,
    clock: Clock,
    staff: Staff,
    orders: Orders,
    number: np.ndarray,
    finished: np.ndarray,
) -> dict:
    """The rows of `orders`. A sale is open until `finished`, its delivery (moment per order)."""
    order = np.argsort(number)
    o, number, finished = orders.where(order), number[order], finished[order]
    shipped = (o.kind == SALE) | (o.kind == GUEST)
    status = np.where(o.kind == CANCELLED, 2, np.where(shipped & (finished >= clock.end), 0, 1))
    updated = np.where(shipped & (finished < clock.end), finished, o.ordered)
    updated = np.where(o.kind == CANCELLED, o.ordered + 300, updated)
    channel = draws.pick("order.channel", company.order_channel_shares, o.uid)
    by_staff = channel >= 2
    seller = staff.holder(staff.post(draws, "order.post", SALES, o.uid), o.ordered)
    share = company.untidy_code_share
    return {
        "order_id": label("A-", number),
        "customer_id": customer_ids(o.customer),
        "order_type": untidy(draws, "order_type", chosen(_TYPES, o.kind), o.uid, share),
        "status": untidy(draws, "order_status", chosen(_STATUSES, status), o.uid, share),
        "ordered_at": moments(o.ordered),
        "channel": untidy(draws, "order_channel", chosen(company.order_channels, channel), o.uid, share),
        "employee_id": label("MA-", seller, by_staff),
        "currency_code": untidy(draws, "order_currency", chosen(CURRENCIES, o.country), o.uid, share),
        "promised_on": dates(o.ordered // DAY + company.promised_days, shipped),
        "updated_at": moments(updated),
        "_uid": o.uid,
    }
