"""MBG/NBD model of repeat buying: BG/NBD in which a customer may also leave right after the first order.

Sources: Batislam, Denizel and Filiztekin (2007), "Empirical Validation and Comparison of Models for Customer
Base Analysis", International Journal of Research in Marketing 24(3), 201-209; Hoppe and Wagner (2007),
"Customer Base Analysis: The Case for a Central Variant of the Betageometric/NBD Model", Marketing Journal of
Research and Management 3(2), 75-90.

Everything but the first order is as in `ckm.clv.bg_nbd`, whose functions take these parameters, too. With
one chance to leave more,

    L = Gamma(r + x) alpha^r / Gamma(r)
        [ B(a, b + x + 1) / B(a, b) (alpha + T)^-(r + x) + B(a + 1, b + x) / B(a, b) (alpha + t_x)^-(r + x) ],

a customer without a repeat order may have left, and one who is alive has p ~ Beta(a, b + x + 1).
"""

from functools import partial

from ckm.clv import bg_nbd
from ckm.clv.bg_nbd import (
    BgNbdParameters,
    draw_orders,
    expected_orders,
    gradient,
    hessian,
    log_likelihood,
    order_tail,
    orders_if_alive,
    probability_alive,
    probability_no_order,
)
from ckm.clv.rows import Floats

__all__ = [
    "MbgNbdParameters", "draw_orders", "expected_orders", "expected_orders_new", "fit", "gradient", "hessian",
    "log_likelihood", "order_tail", "orders_if_alive", "probability_alive", "probability_no_order",
]  # fmt: skip


class MbgNbdParameters(BgNbdParameters):
    """Parameters of the MBG/NBD model; names and meaning as in BG/NBD."""

    model = "mbg_nbd"
    chances_at_start = 1


fit = partial(bg_nbd.fit, kind=MbgNbdParameters)


def expected_orders_new(parameters: MbgNbdParameters, horizon: float) -> Floats:
    """Expected repeat orders of a customer in the `horizon` after the first order, who may leave at once."""
    return expected_orders(parameters, 0.0, 0.0, 0.0, horizon)
