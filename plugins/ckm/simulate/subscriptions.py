"""Subscriptions with terms that renew, are cancelled or lapse, and the use of the services subscribed to."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from ckm.simulate.catalogue import Catalogue
from ckm.simulate.clock import DAY, NEVER, Clock, at_any_hour, at_work, periods
from ckm.simulate.columns import chosen, dates, label, moments, untidy
from ckm.simulate.company import Company
from ckm.simulate.customers import Customers, customer_ids
from ckm.simulate.draws import Draws
from ckm.simulate.records import picked
from ckm.simulate.words import CURRENCIES, FEATURES, SERVICES

_STATUSES = ["active", "cancelled", "lapsed"]


@dataclass(frozen=True)
class Subscriptions:
    """One subscription per element; days are day numbers, `until` is not applied to what comes later."""

    customer: np.ndarray
    service: np.ndarray
    started: np.ndarray
    last_day: np.ndarray
    """Last day of the last term."""
    cancelled_at: np.ndarray
    """Moment of the cancellation; NEVER where the subscription lapses instead."""


def subscribe(company: Company, draws: Draws, clock: Clock, who: Customers) -> Subscriptions:
    """The subscriptions begun by `until`."""
    ids = who.ids[draws.happens("subscribes", company.subscriber_share, who.ids) & ~who.is_prospect]
    wait = draws.exponential("subscribes.after", company.days_to_subscription, ids).astype(np.int64)
    started = who.created[ids] // DAY + 1 + wait
    ids, started = ids[started * DAY < clock.end], started[started * DAY < clock.end]
    ends = company.cancel_rate_per_term + company.lapse_rate_per_term
    terms = 1 + np.floor(np.log(draws.uniform("terms", ids)) / np.log(1 - ends)).astype(np.int64)
    last_day = started + terms * company.term_days - 1
    cancels = draws.happens("cancels", company.cancel_rate_per_term / ends, ids)
    notice = last_day - 10 - draws.below("notice", 80, ids)
    cancelled_at = np.where(cancels, at_work(notice, draws.uniform("notice.hour", ids)), NEVER)
    return Subscriptions(ids, draws.below("service", len(SERVICES), ids), started, last_day, cancelled_at)


def until_left(company: Company, subs: Subscriptions, left: np.ndarray) -> Subscriptions:
    """The subscriptions, where customers who leave (moment per customer) cancel for the end of the term."""
    left_at = left[subs.customer]
    subs, left_at = picked(subs, subs.started * DAY < left_at), left_at[subs.started * DAY < left_at]
    leaves = left_at < np.minimum(subs.cancelled_at, (subs.last_day + 1) * DAY)
    term = np.where(leaves, left_at // DAY - subs.started, 0) // company.term_days
    return replace(
        subs,
        last_day=np.where(leaves, subs.started + (term + 1) * company.term_days - 1, subs.last_day),
        cancelled_at=np.where(leaves, left_at, subs.cancelled_at),
    )


def subscription_rows(
    company: Company, draws: Draws, clock: Clock, who: Customers, goods: Catalogue, subs: Subscriptions
) -> dict:
    """The rows of `subscriptions`; `ends_on` is the end of the term under way at the end of `until`."""
    order = np.lexsort((subs.customer, subs.started))
    customer, service, started = subs.customer[order], subs.service[order], subs.started[order]
    last_day, cancelled_at = subs.last_day[order], subs.cancelled_at[order]
    today = clock.end // DAY - 1
    term = np.minimum(today - started, last_day - started) // company.term_days
    renewed_at = (started + term * company.term_days) * DAY + 5 * 3600
    cancelled = cancelled_at < clock.end
    lapsed = ~cancelled & (last_day < today)
    updated = np.where(cancelled, cancelled_at, np.where(lapsed, (last_day + 1) * DAY + 5 * 3600, renewed_at))
    fee = goods.list_price[goods.first_service + service]
    uid = draws.uid("subscriptions", customer)
    status = chosen(_STATUSES, np.where(cancelled, 1, np.where(lapsed, 2, 0)))
    return {
        "subscription_id": label("V-", 70_001 + np.arange(customer.size)),
        "customer_id": customer_ids(customer),
        "product_id": label("P-", 1001 + goods.first_service + service),
        "started_on": dates(started),
        "ends_on": dates(started + (term + 1) * company.term_days - 1),
        "cancelled_on": dates(cancelled_at // DAY, cancelled),
        "monthly_fee": fee,
        "currency_code": chosen(CURRENCIES, who.country[customer]),
        "status": untidy(draws, "subscription", status, uid, company.untidy_code_share),
        "updated_at": moments(updated),
        "_uid": uid,
    }


def usage_rows(company: Company, draws: Draws, clock: Clock, goods: Catalogue, subs: Subscriptions) -> dict:
    """The rows of `usage_events`: in each week of a subscription the service is used once or not at all."""
    last = np.minimum(clock.end - 1, (subs.last_day + 1) * DAY - 1)
    owner, week = periods(subs.started * DAY, last, 7)
    customer, service = subs.customer[owner], subs.service[owner]
    habit = draws.beta("habit", company.usage_per_week_alpha, company.usage_per_week_beta, subs.customer)
    day = subs.started[owner] + week * 7 + draws.below("usage.day", 7, customer, week)
    used_at = at_any_hour(day, draws.uniform("usage.hour", customer, week))
    used = draws.happens("used", habit[owner], customer, week) & (used_at < clock.end)
    customer, service, week, used_at = customer[used], service[used], week[used], used_at[used]
    order = np.lexsort((customer, used_at))
    customer, service, week, used_at = customer[order], service[order], week[order], used_at[order]
    amount = np.round(1 + draws.exponential("usage.amount", 4.0, customer, week), 1)
    units = [unit for _, unit in FEATURES]
    return {
        "usage_id": label("U-", 1 + np.arange(customer.size)),
        "customer_id": customer_ids(customer),
        "product_id": label("P-", 1001 + goods.first_service + service),
        "feature": chosen([feature for feature, _ in FEATURES], service),
        "quantity": pa.array(amount),
        "unit": chosen(units, service),
        "used_at": moments(used_at),
        "_uid": draws.uid("usage_events", customer, week),
    }
