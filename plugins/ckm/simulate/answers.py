"""Answers to surveys: hidden attitudes and what happened lately, put on the questions' scales."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckm.simulate.accounts import Accounts
from ckm.simulate.clock import DAY
from ckm.simulate.columns import chosen, joined, moments, nullable
from ckm.simulate.company import Asking, Company
from ckm.simulate.complaints import Complaints
from ckm.simulate.delivery import Deliveries
from ckm.simulate.draws import Draws
from ckm.simulate.handling import Handling
from ckm.simulate.histories import Histories
from ckm.simulate.phrases import COMPLAINT, DELIVERY, QUESTIONS, REASON_TEXTS, SURVEYS
from ckm.simulate.purchases import Orders
from ckm.simulate.service import Interactions
from ckm.simulate.staff import trust
from ckm.simulate.surveys import Responses, response_ids

_ANSWERS_IN_WORDS = 0.70


@dataclass(frozen=True)
class Circumstances:
    """What colours each response."""

    failed: np.ndarray
    """Whether a delivery failed: the one asked about, or one lately."""
    badly_handled: np.ndarray
    """Whether a complaint was handled badly: the one asked about, or one lately."""
    trust: np.ndarray
    """Hidden trust in the employee who resolved the complaint or was met lately; 0 where nobody was."""


def circumstances(
    company: Company,
    draws: Draws,
    given: Responses,
    orders: Orders,
    parcels: Deliveries,
    complaints: Complaints,
    handled: Handling,
    resolver: np.ndarray,
    met: Interactions,
) -> Circumstances:
    """The circumstances of each response; `resolver` is the employee's number per complaint."""
    within = company.asking.memory_days * DAY
    failed = (parcels.failed_attempts > 0) & (orders.customer >= 0)
    failures = Histories(orders.customer[failed], parcels.first_attempt[failed])
    bad = handled.is_bad & (complaints.customer >= 0)
    grievances = Histories(complaints.customer[bad], handled.ended[bad])
    meetings = Histories(met.customer, met.started)
    last = meetings.last(given.customer, given.moment, within)
    theirs = np.zeros(given.uid.size)
    theirs[last >= 0] = trust(draws, met.employee[last[last >= 0]])
    has_failed = failures.last(given.customer, given.moment, within) >= 0
    is_bad = grievances.last(given.customer, given.moment, within) >= 0
    on_order, on_complaint = given.survey == DELIVERY, given.survey == COMPLAINT
    has_failed[on_order] = parcels.failed_attempts[given.order[on_order]] > 0
    is_bad[on_complaint] = handled.is_bad[given.complaint[on_complaint]]
    theirs[on_complaint] = trust(draws, resolver[given.complaint[on_complaint]])
    return Circumstances(has_failed, is_bad, theirs)


def unfinished(company: Company, draws: Draws, given: Responses) -> np.ndarray:
    """Whether each response ends halfway through the questions."""
    return draws.happens("response.unfinished", company.asking.unfinished_rate, given.uid)


def answer_rows(
    company: Company,
    draws: Draws,
    accounts: Accounts,
    given: Responses,
    felt: Circumstances,
    attitudes: dict[str, np.ndarray],
) -> dict:
    """The rows of `answers`."""
    count = np.bincount([question[0] for question in QUESTIONS], minlength=len(SURVEYS))
    first = np.cumsum(count) - count
    half = (count + 1) // 2
    parts = []
    breaks_off = unfinished(company, draws, given)
    for number, (survey, _, construct, low, high, _, _) in enumerate(QUESTIONS):
        asked = given.survey == survey
        if number - first[survey] >= half[survey]:
            asked = asked & ~breaks_off
        if low is None:
            asked = asked & draws.happens("answers in words", _ANSWERS_IN_WORDS, given.uid)
        at = np.nonzero(asked)[0]
        value = np.zeros(at.size)
        if low is not None:
            mean, spread, measured = _measured(company.asking, survey, construct, at, given, felt, attitudes)
            measured = measured(draws.normal(f"answer {number}", given.uid[at]))
            value = np.clip(np.rint(mean + spread * measured), low, high)
        parts.append((at, np.full(at.size, number), value))
    at, number, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((number, at))
    at, number, value = at[order], number[order], value[order]
    in_words = np.array([question[3] is None for question in QUESTIONS])[number]
    kind = draws.below("answer.words", len(REASON_TEXTS), given.uid[at])
    words = joined(
        chosen([before for before, _ in REASON_TEXTS], kind, in_words),
        accounts.of(given.person[at], accounts.full_names),
        chosen([later for _, later in REASON_TEXTS], kind),
    )
    return {
        "response_id": response_ids(at),
        "question_id": pa.array([question[1] for question in QUESTIONS]).take(pa.array(number)),
        "answer_value": nullable(value, ~in_words),
        "answer_text": pc.if_else(pa.array(in_words), words, pa.scalar(None, pa.string())),
        "updated_at": moments(given.moment[at]),
        "_uid": draws.uid("answers", given.uid[at], number),
    }


def _measured(
    asking: Asking,
    survey: int,
    construct: str,
    at: np.ndarray,
    given: Responses,
    felt: Circumstances,
    attitudes: dict[str, np.ndarray],
):
    """(mean, spread, function of the noise) of a question's answers before they are rounded."""
    failed = asking.failed_delivery_effect * felt.failed[at]
    bad = asking.bad_handling_effect * felt.badly_handled[at]
    trusted = asking.trust_effect * felt.trust[at]
    scale, attitude, loading, extra = {
        "nps": (asking.nps_scale, "loyalty", asking.loyalty_loading, failed + bad + trusted),
        "csat": (asking.csat_scale, "satisfaction", 0.3, failed),
        "ces": (asking.ces_scale, "satisfaction", -0.3, -failed),
        "complaint_handling": (asking.item_scale, "satisfaction", 0.3, bad),
    }.get(construct, (asking.item_scale, construct, asking.item_loading, np.zeros(at.size)))
    if survey == COMPLAINT:
        scale, extra = asking.complaint_csat_scale, bad + trusted
    customer = given.customer[at]
    held = np.zeros(at.size)
    held[customer >= 0] = attitudes[attitude][customer[customer >= 0]]
    rest = np.sqrt(1 - loading**2)
    return *scale, lambda noise: loading * held + rest * noise + extra
