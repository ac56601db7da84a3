"""Surveys: who is invited to them and who responds."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit

from ckm.simulate.accounts import Accounts, acting, outsiders
from ckm.simulate.clock import DAY, NEVER, Clock, at_any_hour, month_starts
from ckm.simulate.columns import chosen, joined, label, moments, nullable, untidy
from ckm.simulate.company import Company
from ckm.simulate.complaints import Complaints
from ckm.simulate.customers import Customers
from ckm.simulate.delivery import MOST_ATTEMPTS, Deliveries
from ckm.simulate.draws import Draws
from ckm.simulate.handling import Handling
from ckm.simulate.phrases import (
    CLOSING_TEXTS,
    COMPLAINT,
    DELIVERY,
    NPS,
    SATISFACTION,
)
from ckm.simulate.purchases import SALE, Orders
from ckm.simulate.questionnaires import survey_ids
from ckm.simulate.records import picked, stacked

_CHANNELS = ("email", "app", "web")


@dataclass(frozen=True)
class Invitations:
    """Invitations sent by `until`, in the order of sending; what does not apply is -1."""

    uid: np.ndarray
    survey: np.ndarray
    customer: np.ndarray
    person: np.ndarray
    order: np.ndarray
    complaint: np.ndarray
    moment: np.ndarray
    responded: np.ndarray
    """Moment of the response; NEVER where there is none. `until` is not applied."""


@dataclass(frozen=True)
class Responses:
    """Responses given by `until`, in the order of their moments; what does not apply is -1."""

    uid: np.ndarray
    invitation: np.ndarray
    """Position of the invitation."""
    survey: np.ndarray
    customer: np.ndarray
    person: np.ndarray
    order: np.ndarray
    complaint: np.ndarray
    moment: np.ndarray


def response_ids(position: np.ndarray) -> pa.Array:
    """Native ids of responses."""
    return label("AW-", 1 + position)


def invite(
    company: Company,
    draws: Draws,
    clock: Clock,
    who: Customers,
    left: np.ndarray,
    orders: Orders,
    parcels: Deliveries,
    complaints: Complaints,
    handled: Handling,
    loyalty: np.ndarray,
) -> Invitations:
    """Invitations in waves, after deliveries and after complaints, and when they are answered."""
    c = company.asking
    got = (orders.kind == SALE) & (parcels.failed_attempts < MOST_ATTEMPTS) & (parcels.finished < clock.end)
    order = np.nonzero(got & draws.happens("invited.delivery", c.delivery_share, orders.uid))[0]
    ended = handled.ended < clock.end
    complaint = np.nonzero(ended & draws.happens("invited.complaint", c.complaint_share, complaints.uid))[0]
    buyer = orders.customer[order]
    after_delivery = _after(
        draws,
        DELIVERY,
        orders.uid[order],
        parcels.finished[order],
        buyer,
        acting(draws, who, "respondent", buyer, buyer),
    )
    after_complaint = _after(
        draws,
        COMPLAINT,
        complaints.uid[complaint],
        handled.ended[complaint],
        complaints.customer[complaint],
        complaints.person[complaint],
    )
    waves = _wave_days(clock)
    every = stacked(
        replace(after_delivery, order=order),
        replace(after_complaint, complaint=complaint),
        *(_wave(draws, who, left, NPS, day, c.quarterly_share) for day in waves),
        *(_wave(draws, who, left, SATISFACTION, day, c.yearly_share) for day in waves[3::4]),
    )
    held = np.zeros(every.uid.size)
    held[every.customer >= 0] = loyalty[every.customer[every.customer >= 0]]
    answers = draws.happens("responds", expit(c.response_logit + c.response_loyalty * held), every.uid)
    day = every.moment // DAY + 1 + draws.exponential("responds.after", c.days_to_response, every.uid)
    responded = at_any_hour(day.astype(np.int64), draws.uniform("responds.hour", every.uid))
    every = replace(every, responded=np.where(answers, responded, NEVER))
    in_order = np.lexsort((every.uid, every.moment))
    return picked(every, in_order[every.moment[in_order] < clock.end])


def respond(company: Company, draws: Draws, clock: Clock, invited: Invitations, customers: int) -> Responses:
    """The responses to invitations, and those of passers-by to the open survey."""
    at = np.nonzero(invited.responded < clock.end)[0]
    asked = Responses(
        uid=draws.uid("response", invited.uid[at]),
        invitation=at,
        survey=invited.survey[at],
        customer=invited.customer[at],
        person=invited.person[at],
        order=invited.order[at],
        complaint=invited.complaint[at],
        moment=invited.responded[at],
    )
    pace = company.arrival_days / (customers * company.asking.uninvited_per_customer)
    number = np.arange(int(clock.horizon / pace) + 1)
    moment = clock.moments((number + draws.uniform("passes by", number)) * pace)
    number, moment = number[moment < clock.end], moment[moment < clock.end]
    uid, none = draws.uid("uninvited", number), np.full(number.size, -1)
    passing = Responses(uid, none, np.full(number.size, NPS), none, outsiders(uid), none, none, moment)
    both = stacked(asked, passing)
    return picked(both, np.lexsort((both.uid, both.moment)))


def invitation_rows(
    company: Company, draws: Draws, clock: Clock, accounts: Accounts, invited: Invitations
) -> dict:
    """The rows of `invitations`; who has not answered in time is reminded."""
    reminded = (invited.moment // DAY + company.asking.remind_after_days) * DAY + 9 * 3600
    reminds = (reminded < clock.end) & (invited.responded > reminded)
    email = accounts.of(invited.person, accounts.emails)
    return {
        "invitation_id": label("E-", 1 + np.arange(invited.uid.size)),
        "survey_id": survey_ids(invited.survey),
        "customer_id": accounts.of(invited.person, accounts.customer_ids),
        "respondent_id": accounts.of(invited.person, accounts.ids),
        "full_name": accounts.of(invited.person, accounts.display_names),
        "email": email,
        "channel": pc.if_else(email.is_valid(), "email", "app"),
        "invited_at": moments(invited.moment),
        "reminded_at": moments(reminded, reminds),
        "updated_at": moments(np.where(reminds, reminded, invited.moment)),
        "_uid": invited.uid,
    }


def response_rows(
    company: Company,
    draws: Draws,
    accounts: Accounts,
    given: Responses,
    order_number: np.ndarray,
    complaint_id: pa.Array,
    unfinished: np.ndarray,
) -> dict:
    """The rows of `responses`; people leave out much of what they are asked about themselves."""
    uid, person = given.uid, given.person

    def told(column: pa.Array, share: float, name: str) -> pa.Array:
        tells = draws.happens(f"response.{name}", share, uid)
        return pc.if_else(pa.array(tells), accounts.of(person, column), pa.scalar(None, pa.string()))

    kind = draws.below("response.closing", len(CLOSING_TEXTS), uid)
    closes = draws.happens("response.closes", 0.25, uid) & ~unfinished
    comment = joined(
        chosen([before for before, _ in CLOSING_TEXTS], kind, closes),
        accounts.of(person, accounts.full_names),
        chosen([later for _, later in CLOSING_TEXTS], kind),
    )
    says_order = (given.order >= 0) & draws.happens("response.order", 0.8, uid)
    number = order_number[np.maximum(given.order, 0)] if order_number.size else given.order
    channel = chosen(_CHANNELS, draws.pick("response.channel", (0.5, 0.2, 0.3), uid))
    return {
        "response_id": response_ids(np.arange(uid.size)),
        "survey_id": survey_ids(given.survey),
        "invitation_id": label("E-", 1 + given.invitation, given.invitation >= 0),
        "customer_id": accounts.of(person, accounts.customer_ids),
        "respondent_id": accounts.of(person, accounts.ids),
        "full_name": told(accounts.full_names, 0.55, "name"),
        "email": told(accounts.emails, 0.65, "email"),
        "phone": told(accounts.phones, 0.30, "phone"),
        "postal_code": told(accounts.addresses["postal_code"], 0.50, "postal code"),
        "channel": untidy(draws, "response_channel", channel, uid, company.untidy_code_share),
        "language": accounts.of(person, accounts.languages),
        "is_complete": pa.array(~unfinished),
        "order_id": label("A-", number, says_order),
        "complaint_id": complaint_id.take(nullable(given.complaint, given.complaint >= 0)),
        "closing_comment": comment,
        "responded_at": moments(given.moment),
        "updated_at": moments(given.moment),
        "_uid": uid,
    }


def _wave_days(clock: Clock) -> np.ndarray:
    """First day of each quarterly wave: the 15th of the second month of the quarter."""
    month = np.unique(month_starts(np.arange(clock.start, clock.end // DAY)))
    number = month.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return month[number % 3 == 1] + 14


def _wave(draws: Draws, who: Customers, left: np.ndarray, survey: int, day: int, share: float) -> Invitations:
    """Invitations of a share of the customers known for a month who have not left."""
    known = (who.created < (day - 30) * DAY) & (left > day * DAY) & ~who.is_prospect
    customer = who.ids[known & draws.happens(f"invited.{survey}", share, who.ids, day)]
    uid = draws.uid(f"invitation.{survey}", customer, day)
    moment = (day + draws.below("invited.day", 5, uid)) * DAY + 9 * 3600 + draws.below("invited.h", 7200, uid)
    return _invitations(uid, survey, customer, acting(draws, who, "respondent", customer, customer), moment)


def _after(
    draws: Draws,
    survey: int,
    of: np.ndarray,
    ended: np.ndarray,
    customer: np.ndarray,
    person: np.ndarray,
) -> Invitations:
    """Invitations the day after what they ask about."""
    uid = draws.uid(f"invitation.{survey}", of)
    moment = (ended // DAY + 1) * DAY + 9 * 3600 + draws.below("invited.second", 30_000, uid)
    return _invitations(uid, survey, customer, person, moment)


def _invitations(
    uid: np.ndarray, survey: int, customer: np.ndarray, person: np.ndarray, moment: np.ndarray
) -> Invitations:
    """Invitations that ask about no order and no complaint."""
    none = np.full(uid.size, -1)
    return Invitations(uid, np.full(uid.size, survey), customer, person, none, none, moment, none)
