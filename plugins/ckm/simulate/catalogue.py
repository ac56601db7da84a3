"""Products, daily exchange rates and monthly targets."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.signal import lfilter

from ckm.simulate.clock import DAY, Clock, month_starts, next_months
from ckm.simulate.columns import chosen, dates, joined, label, moments, money
from ckm.simulate.company import Company
from ckm.simulate.draws import Draws
from ckm.simulate.words import CATEGORIES, SERIES, SERVICES, TARGETS, THINGS

FEES = ("Kulanzgutschrift", "Versandpauschale")
_REVISED_WITHIN_DAYS = 1400
_REVISED_BY = 1.04
_DISCONTINUED_EVERY = 20


@dataclass(frozen=True)
class Catalogue:
    """Goods by rising list price (EUR), then services, then fees; product number = 1001 + position.

    `rates[currency]` holds the EUR for one unit of the currency per day from the company's start.
    """

    list_price: np.ndarray
    cost_share: np.ndarray
    goods: int
    first_day: int
    rates: dict[str, np.ndarray]

    @property
    def first_service(self) -> int:
        return self.goods

    @property
    def goodwill(self) -> int:
        """Position of the fee product that carries adjustments."""
        return self.goods + len(SERVICES)

    def eur_per_unit(self, currency: str, days: np.ndarray) -> np.ndarray:
        """EUR for one unit of the currency on each day (day numbers)."""
        return self.rates[currency][days - self.first_day]


def stock(company: Company, draws: Draws, clock: Clock) -> tuple[Catalogue, dict, dict]:
    """The catalogue and the rows of `products` and `exchange_rates`."""
    goods, total = company.goods, company.goods + len(SERVICES) + len(FEES)
    position = np.arange(total)
    steps = np.geomspace(company.lowest_list_price, company.highest_list_price, goods)
    price = money(np.concatenate([steps, [4.99, 14.99, 9.99, 7.49], [5.00, 5.90]]))
    share = draws.between("cost", company.lowest_cost_share, company.highest_cost_share, position)

    category = draws.below("category", len(CATEGORIES), position[:goods])
    thing = category * 4 + draws.below("thing", 4, position[:goods])
    things = [name for group in THINGS for name in group]
    series = chosen(SERIES, draws.below("series", len(SERIES), position[:goods]))
    names = joined(chosen(things, thing), " ", series, " ", label("", position[:goods] + 1))
    revised_at = (clock.start + 30 + draws.below("revised", _REVISED_WITHIN_DAYS, position)) * DAY + 6 * 3600
    revised = (revised_at < clock.end) & (position < goods)
    ended_at = (clock.start + 300 + draws.below("discontinued", 700, position)) * DAY + 7 * 3600
    ended = (position % _DISCONTINUED_EVERY == 7) & (ended_at < clock.end) & (position < goods)
    changed = np.maximum(np.where(revised, revised_at, 0), np.where(ended, ended_at, 0))
    kinds = ["good"] * goods + ["service"] * len(SERVICES) + ["fee"] * len(FEES)
    products = {
        "product_id": label("P-", 1001 + position),
        "product_name": pa.concat_arrays([names, pa.array(SERVICES + FEES)]),
        "category": pa.concat_arrays(
            [chosen(CATEGORIES, category), pa.array(["service"] * len(SERVICES) + ["fee"] * len(FEES))]
        ),
        "product_kind": pa.array(kinds),
        "list_price": money(price * np.where(revised, _REVISED_BY, 1.0)),
        "unit_cost": money(price * share),
        "is_active": pa.array(~ended),
        "updated_at": moments(np.maximum(changed, clock.start * DAY + 5 * 3600)),
        "_uid": draws.uid("products", position),
    }
    rates, rate_rows = _exchange_rates(company, draws, clock)
    return Catalogue(price, share, goods, clock.start, rates), products, rate_rows


def _exchange_rates(company: Company, draws: Draws, clock: Clock) -> tuple[dict[str, np.ndarray], dict]:
    days = np.arange(clock.start, clock.end // DAY)
    rates, names = {}, []
    for number, (currency, mean) in enumerate(company.rate_means):
        shocks = company.rate_daily_deviation * draws.normal("rate", number, days)
        rates[currency] = np.round(mean * np.exp(lfilter([1.0], [1.0, -company.rate_persistence], shocks)), 5)
        names.append(currency)
    day = np.repeat(days, len(names))
    number = np.tile(np.arange(len(names)), days.size)
    rows = {
        "rate_date": dates(day),
        "from_currency": chosen(names, number),
        "rate": np.column_stack([rates[name] for name in names]).ravel(),
        "updated_at": moments(day * DAY + 16 * 3600 + 900),
        "_uid": draws.uid("exchange_rates", day, number),
    }
    return rates, rows


def targets(company: Company, draws: Draws, clock: Clock, customers: int) -> dict:
    """The rows of `targets`: each month's are set on the 15th of the month before."""
    days = np.arange(clock.start - 31, clock.end // DAY)
    month = next_months(np.unique(month_starts(days)))
    set_at = (month_starts(month - 1) + 14) * DAY + 10 * 3600
    month, set_at = month[set_at < clock.end], set_at[set_at < clock.end]
    count, months = len(TARGETS), month.size
    indicator, k = np.tile(np.arange(count), months), np.repeat(np.arange(months), count)
    per_customer = np.array([unit in ("EUR", "customers") for _, unit, _, _ in TARGETS])[indicator]
    start = np.array([value for _, _, value, _ in TARGETS])[indicator]
    step = np.array([change for _, _, _, change in TARGETS])[indicator]
    base = customers * np.minimum(1.5, (k + 1) * 30.4 / company.arrival_days)
    value = np.where(per_customer, np.round(base * start * (1 + step * k)), np.round(start + step * k, 4))
    return {
        "indicator": chosen([name for name, *_ in TARGETS], indicator),
        "month": dates(month[k]),
        "target_value": value,
        "unit": chosen([unit for _, unit, _, _ in TARGETS], indicator),
        "updated_at": moments(set_at[k]),
        "_uid": draws.uid("targets", month[k], indicator),
    }
