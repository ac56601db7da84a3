"""The models of repeat buying, by name: each is a module with the same functions over its own parameters."""

from types import ModuleType

from ckm.clv import bg_nbd, mbg_nbd, order_fit, pareto_nbd

OrderParameters = bg_nbd.BgNbdParameters | pareto_nbd.ParetoNbdParameters
OrderFit = order_fit.OrderFit[bg_nbd.BgNbdParameters] | order_fit.OrderFit[pareto_nbd.ParetoNbdParameters]

MODELS: dict[str, ModuleType] = {"bg_nbd": bg_nbd, "mbg_nbd": mbg_nbd, "pareto_nbd": pareto_nbd}
"""In the order in which one is preferred where backtests cannot tell them apart."""

PARAMETERS: dict[str, type[OrderParameters]] = {
    "bg_nbd": bg_nbd.BgNbdParameters,
    "mbg_nbd": mbg_nbd.MbgNbdParameters,
    "pareto_nbd": pareto_nbd.ParetoNbdParameters,
}


def model_of(parameters: OrderParameters) -> ModuleType:
    """The module whose functions take these parameters."""
    return MODELS[parameters.model]
