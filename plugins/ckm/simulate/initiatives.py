"""Initiatives of co-creation in the seven styles: their course, releases, costs and results."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ckm.simulate.catalogue import Catalogue
from ckm.simulate.clock import DAY, NEVER, Clock, month_starts, next_months
from ckm.simulate.columns import chosen, dates, joined, label, moments, money, nullable
from ckm.simulate.company import Company
from ckm.simulate.draws import Draws
from ckm.simulate.phrases import INITIATIVE_COSTS, STYLES
from ckm.simulate.staff import SALES, Staff

_STATUSES = ("planned", "running", "ended", "stopped")
_PLANNED_DAYS = 30
_MONTHS_OF_RESULTS = 18
_MEASURED = np.array([row[4] == "satisfaction" for row in STYLES])


@dataclass(frozen=True)
class Initiatives:
    """Initiatives planned by `until`; their days (day numbers) rise, and `until` is not applied to them."""

    style: np.ndarray
    started: np.ndarray
    ended: np.ndarray
    released: np.ndarray
    """Day of the release; NEVER where nothing comes out of it."""

    @property
    def ids(self) -> np.ndarray:
        return np.arange(self.style.size)


def initiative_ids(position: np.ndarray) -> pa.Array:
    """Native ids of initiatives."""
    return label("IN-", 101 + position)


def release_ids(position: np.ndarray, present: np.ndarray) -> pa.Array:
    """Native ids of releases, which bear the numbers of their initiatives."""
    return label("RL-", 101 + position, present)


def plan(company: Company, draws: Draws, clock: Clock) -> Initiatives:
    """The initiatives, one style after the other."""
    c = company.cocreating
    ids = np.arange((clock.end // DAY - clock.start + _PLANNED_DAYS) // c.days_between_initiatives + 1)
    started = clock.start + 20 + ids * c.days_between_initiatives + draws.below("initiative", 10, ids)
    length = c.fewest_days + draws.below("initiative.days", c.most_days - c.fewest_days, ids)
    part = draws.between("initiative.release", 0.4, 0.7, ids)
    released = np.where(
        draws.happens("initiative.releases", c.release_rate, ids),
        started + (length * part).astype(np.int64),
        NEVER // DAY,
    )
    known = _planned_at(clock, started) < clock.end
    return Initiatives((ids % len(STYLES))[known], started[known], (started + length)[known], released[known])


def _planned_at(clock: Clock, started: np.ndarray) -> np.ndarray:
    return np.maximum(started - _PLANNED_DAYS, clock.start) * DAY + 9 * 3600


def initiative_rows(draws: Draws, clock: Clock, staff: Staff, goods: Catalogue, plans: Initiatives) -> dict:
    """The rows of `initiatives`."""
    ids = plans.ids
    begins, ends = plans.started * DAY + 8 * 3600, plans.ended * DAY + 18 * 3600
    running, over = begins < clock.end, ends < clock.end
    stopped = draws.happens("initiative.stopped", 0.12, ids) & (plans.released >= NEVER // DAY)
    status = np.where(over, np.where(stopped, 3, 2), running.astype(np.int64))
    planned = _planned_at(clock, plans.started)
    owner = staff.holder(staff.post(draws, "initiative.owner", SALES, ids), planned)
    return {
        "initiative_id": initiative_ids(ids),
        "initiative_name": joined(
            chosen([row[1] for row in STYLES], plans.style), label(" ", 1 + ids // len(STYLES))
        ),
        "style": chosen([row[0] for row in STYLES], plans.style),
        "product_id": label("P-", 1001 + _product(draws, goods, ids)),
        "owner_employee_id": label("MA-", owner),
        "status": chosen(_STATUSES, status),
        "started_on": dates(plans.started),
        "ended_on": dates(plans.ended, over),
        "updated_at": moments(np.where(over, ends, np.where(running, begins, planned))),
        "_uid": draws.uid("initiatives", ids),
    }


def release_rows(draws: Draws, clock: Clock, goods: Catalogue, plans: Initiatives) -> dict:
    """The rows of `releases`."""
    at = plans.released * DAY + 10 * 3600
    ids = plans.ids[(plans.released < NEVER // DAY) & (at < clock.end)]
    style, is_there = plans.style[ids], np.full(ids.size, True)
    return {
        "release_id": release_ids(ids, is_there),
        "initiative_id": initiative_ids(ids),
        "product_id": label("P-", 1001 + _product(draws, goods, ids)),
        "release_name": joined(chosen([row[1] for row in STYLES], style), " 1.0"),
        "release_kind": chosen([row[3] for row in STYLES], style),
        "released_on": dates(plans.released[ids]),
        "updated_at": moments(at[ids]),
        "_uid": draws.uid("releases", ids),
    }


def cost_rows(company: Company, draws: Draws, clock: Clock, plans: Initiatives, customers: int) -> dict:
    """The rows of `initiative_costs`: from the first month to the last, booked on the 3rd of the next."""
    initiative, month = _months(clock, plans.started, plans.ended)
    kinds = len(INITIATIVE_COSTS)
    kind = np.tile(np.arange(kinds), initiative.size)
    initiative, month = np.repeat(initiative, kinds), np.repeat(month, kinds)
    mean = company.cocreating.monthly_cost * customers * np.array([0.6, 0.25, 0.15])[kind]
    uid = draws.uid("initiative_costs", initiative, month, kind)
    return {
        "initiative_id": initiative_ids(initiative),
        "month": dates(month),
        "cost_kind": chosen(INITIATIVE_COSTS, kind),
        "amount": money(mean * np.exp(0.3 * draws.normal("initiative.cost", uid))),
        "currency_code": pa.repeat(company.reporting_currency, kind.size),
        "updated_at": moments(_booked_at(month)),
        "_uid": uid,
    }


def outcome_rows(company: Company, draws: Draws, clock: Clock, plans: Initiatives, customers: int) -> dict:
    """The rows of `outcomes`: money from the month after the release on, or the satisfaction of those who
    take part while the initiative runs."""
    measured = _MEASURED[plans.style]
    first = np.where(measured, plans.started + 31, plans.released + 31)
    last = np.where(measured, plans.ended, plans.released + 31 * _MONTHS_OF_RESULTS)
    brings = measured | (plans.released < NEVER // DAY)
    which = plans.ids[brings]
    owner, month = _months(clock, first[brings], last[brings])
    initiative = which[owner]
    is_money = ~measured[initiative]
    uid = draws.uid("outcomes", initiative, month)
    noise = draws.normal("outcome", uid)
    success = np.exp(0.5 * draws.normal("outcome.success", initiative))
    amount = company.cocreating.monthly_outcome * customers * success * np.exp(0.25 * noise)
    return {
        "initiative_id": initiative_ids(initiative),
        "month": dates(month),
        "outcome_kind": chosen([row[4] for row in STYLES], plans.style[initiative]),
        "amount": nullable(money(amount), is_money),
        "currency_code": chosen([company.reporting_currency], initiative * 0, is_money),
        "measured_value": nullable(np.round(np.clip(7.2 + 0.6 * noise, 1, 10), 1), ~is_money),
        "unit": chosen(["points"], initiative * 0, ~is_money),
        "updated_at": moments(_booked_at(month)),
        "_uid": uid,
    }


def _product(draws: Draws, goods: Catalogue, ids: np.ndarray) -> np.ndarray:
    return draws.below("initiative.product", goods.goods, ids)


def _booked_at(month: np.ndarray) -> np.ndarray:
    return (next_months(month) + 2) * DAY + 8 * 3600


def _months(clock: Clock, first: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(position, first day of the month) of each month between two days that is booked by `until`, ordered
    by month."""
    month = np.unique(month_starts(np.arange(clock.start, clock.end // DAY)))
    month = month[_booked_at(month) < clock.end]
    runs = (month[:, None] >= month_starts(np.minimum(first, clock.end))) & (month[:, None] <= last)
    at, owner = np.nonzero(runs)
    return owner, month[at]
