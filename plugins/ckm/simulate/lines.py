"""Order lines: an order's value split over products, quantities, prices and discounts."""

from dataclasses import dataclass

import numpy as np

from ckm.simulate.catalogue import Catalogue
from ckm.simulate.clock import DAY
from ckm.simulate.columns import label, moments, money
from ckm.simulate.company import Company
from ckm.simulate.draws import Draws
from ckm.simulate.purchases import ADJUSTMENT, RETURN, Orders
from ckm.simulate.words import CURRENCIES


@dataclass(frozen=True)
class Lines:
    """Lines of orders; amounts in EUR, `order` is the position in the orders' arrays."""

    order: np.ndarray
    line: np.ndarray
    product: np.ndarray
    quantity: np.ndarray
    gross: np.ndarray
    """Price of one unit before discount."""
    discount: np.ndarray
    """Discount on the whole line."""


def split(company: Company, draws: Draws, goods: Catalogue, orders: Orders) -> Lines:
    """Lines of sales: shares of the order's value on the product whose list price lies nearest."""
    count = np.where(orders.kind < RETURN, 1 + draws.pick("lines", company.line_count_shares, orders.uid), 0)
    order = np.repeat(np.arange(count.size), count)
    line = np.arange(order.size) - np.repeat(np.cumsum(count) - count, count)
    uid = orders.uid[order]
    weight = draws.between("line.weight", 0.3, 1.0, uid, line)
    amount = orders.eur[order] * weight / np.bincount(order, weight, count.size)[order]
    quantity = 1 + draws.pick("line.quantity", company.quantity_shares, uid, line)
    shuffle = draws.below("line.product", 5, uid, line) - 2
    nearest = np.searchsorted(goods.list_price[: goods.goods], amount / quantity)
    product = np.clip(nearest + shuffle, 0, goods.goods - 1)
    share = np.where(draws.happens("discount", company.discount_rate, uid, line), 1.0, 0.0)
    share *= draws.between("discount.share", 0.05, 0.20, uid, line)
    return Lines(
        order, line, product, quantity, amount / quantity / (1 - share), amount * share / (1 - share)
    )


def reversals(goods: Catalogue, orders: Orders, sold: Lines) -> Lines:
    """The one line of each return (the sale's first line, whole, at its net price) and of each adjustment."""
    first = np.full(orders.uid.size, -1)
    at_start = sold.line == 0
    first[sold.order[at_start]] = np.nonzero(at_start)[0]
    back = np.nonzero(orders.kind == RETURN)[0]
    of = first[orders.origin[back]]
    fees = np.nonzero(orders.kind == ADJUSTMENT)[0]
    return Lines(
        order=np.concatenate([back, fees]),
        line=np.zeros(back.size + fees.size, dtype=np.int64),
        product=np.concatenate([sold.product[of], np.full(fees.size, goods.goodwill)]),
        quantity=np.concatenate([-sold.quantity[of], np.full(fees.size, -1)]),
        gross=np.concatenate(
            [
                sold.gross[of] - sold.discount[of] / sold.quantity[of],
                goods.list_price[np.full(fees.size, goods.goodwill)],
            ]
        ),
        discount=np.zeros(back.size + fees.size),
    )


def line_rows(draws: Draws, goods: Catalogue, orders: Orders, number: np.ndarray, lines: Lines) -> dict:
    """The rows of `order_lines`, priced in the order's currency at the rate of its own day."""
    order = np.lexsort((lines.line, number[lines.order]))
    at = lines.order[order]
    days, country = orders.ordered[at] // DAY, orders.country[at]
    eur = np.ones(at.size)
    for currency in goods.rates:
        own = np.isin(country, [i for i, c in enumerate(CURRENCIES) if c == currency])
        eur[own] = goods.eur_per_unit(currency, days[own])
    product, gross = lines.product[order], lines.gross[order]
    return {
        "order_id": label("A-", number[at]),
        "line_number": label("", lines.line[order] + 1),
        "product_id": label("P-", 1001 + product),
        "quantity": lines.quantity[order],
        "unit_price": np.maximum(money(gross / eur), 0.01),
        "discount_amount": money(lines.discount[order] / eur),
        "unit_cost": money(gross * goods.cost_share[product] / eur),
        "updated_at": moments(orders.ordered[at]),
        "_uid": draws.uid("order_lines", orders.uid[at], lines.line[order]),
    }
