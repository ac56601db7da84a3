"""The effects built into the company, and tempting ones that are not there."""

from dataclasses import asdict, dataclass

import numpy as np
from scipy.special import polygamma

from ckm.simulate.company import Company

_COMPLAINTS_PER_ORDER = 0.04


@dataclass(frozen=True)
class Effect:
    """One effect of a cause on an outcome: `size` in `unit`, and in standard deviations of the outcome."""

    name: str
    cause: str
    outcome: str
    unit: str
    size: float
    size_in_sd: float
    is_real: bool
    description: str


def effects(company: Company) -> list[dict]:
    """Every effect, real or absent, as written to `truth/effects.json`."""
    return [asdict(effect) for effect in (*_real(company), *_attitudes(company), *_absent())]


def _real(company: Company) -> list[Effect]:
    c, asked = company.complaining, company.asking
    log_value = np.sqrt(polygamma(1, company.gamma_gamma_p) + polygamma(1, company.gamma_gamma_q))
    uplift = np.log1p(company.cocreating.order_value_uplift)
    complaint_spread = np.sqrt(_COMPLAINTS_PER_ORDER * (1 - _COMPLAINTS_PER_ORDER))
    avoided = -c.knowledge_effect * _COMPLAINTS_PER_ORDER / complaint_spread
    fails = 1 - company.failed_attempt_shares[0]
    called = c.failed_rate * np.sqrt(fails * (1 - fails)) / complaint_spread
    return [
        Effect(
            "bad handling makes customers leave",
            "complaint badly handled (overdue or reopened)",
            "customer leaves at the end of the complaint",
            "probability",
            c.leave_rate,
            round(c.leave_rate / 0.5, 3),
            True,
            "All later orders are dropped. In standard deviations of 'no order in the year after' (about .5).",
        ),
        Effect(
            "knowledge lowers complaints",
            f"something read in the knowledge base within {c.knowledge_days} days before an order",
            "complaint about the order",
            "share of the complaints that do not arise",
            -c.knowledge_effect,
            round(float(avoided), 3),
            True,
            f"In standard deviations of 'a complaint about an order', of which there are {_COMPLAINTS_PER_ORDER}.",
        ),
        Effect(
            "co-creation raises order value",
            "order placed after the customer joined the community",
            "logarithm of the order value",
            "log EUR",
            round(float(uplift), 4),
            round(float(uplift / log_value), 3),
            True,
            "In standard deviations of the logarithm of the order value over all orders.",
        ),
        Effect(
            "trusted employees are met in a better mood",
            "hidden trust in the employee, standard normal",
            "mood of an interaction or observation before it is put into three classes",
            "standard deviations",
            company.mood_trust_effect,
            company.mood_trust_effect,
            True,
            "Positive, neutral and negative are cuts of the mood.",
        ),
        Effect(
            "trusted employees raise scores",
            "hidden trust in the employee who resolved the complaint or was met lately",
            "NPS answer, satisfaction with the solution of a complaint",
            "standard deviations",
            asked.trust_effect,
            asked.trust_effect,
            True,
            f"Meetings count for {asked.memory_days} days.",
        ),
        Effect(
            "failed deliveries are complained about",
            "failed attempt to deliver",
            "complaint about the order",
            "probability",
            c.failed_rate,
            round(float(called), 3),
            True,
            "In standard deviations of 'a complaint about an order' per standard deviation of the cause.",
        ),
        Effect(
            "failed deliveries lower scores",
            f"failed delivery within {asked.memory_days} days, or of the order asked about",
            "NPS answer, satisfaction with the delivery",
            "standard deviations",
            asked.failed_delivery_effect,
            asked.failed_delivery_effect,
            True,
            "Before the answer is rounded and kept within its scale.",
        ),
        Effect(
            "bad handling lowers scores",
            f"complaint badly handled within {asked.memory_days} days, or the one asked about",
            "NPS answer, satisfaction with the solution, item on complaint handling",
            "standard deviations",
            asked.bad_handling_effect,
            asked.bad_handling_effect,
            True,
            "Before the answer is rounded and kept within its scale.",
        ),
    ]


def _attitudes(company: Company) -> list[Effect]:
    asked = company.asking
    paths = (("value", asked.value_paths), ("satisfaction", asked.satisfaction_paths),
             ("loyalty", asked.loyalty_paths))  # fmt: skip
    return [
        Effect(
            f"{cause} raises {outcome}",
            f"attitude {cause}",
            f"attitude {outcome}",
            "standard deviations",
            path,
            path,
            True,
            "Path between hidden attitudes, the other causes held fixed; every item of SV-SAT measures its "
            f"attitude with loading {asked.item_loading}, the NPS answer loyalty with {asked.loyalty_loading}.",
        )
        for outcome, causes in paths
        for cause, path in causes
    ]


def _absent() -> list[Effect]:
    return [
        Effect(name, cause, outcome, unit, 0.0, 0.0, False, "Not built in.")
        for name, cause, outcome, unit in (
            ("more contact, more spend", "number of interactions", "value of an order", "log EUR"),
            ("channel and leaving", "preferred channel", "customer leaves", "probability"),
            ("age and recommendation", "decade of birth", "NPS answer", "standard deviations"),
            ("more searching, more spend", "number of searches", "value of an order", "log EUR"),
            ("gender and complaints", "gender", "complaint about an order", "probability"),
        )
    ]
