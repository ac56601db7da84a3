"""The community: its members, what they contribute, and the shares they get in what comes out of it."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ckm.simulate.accounts import Accounts, acting, outsiders
from ckm.simulate.clock import DAY, NEVER, Clock, at_any_hour, at_work
from ckm.simulate.columns import chosen, dates, joined, label, moments, money, nullable
from ckm.simulate.company import Company
from ckm.simulate.customers import Customers
from ckm.simulate.draws import Draws
from ckm.simulate.histories import recurring
from ckm.simulate.initiatives import Initiatives, initiative_ids, release_ids
from ckm.simulate.phrases import CONTRIBUTION_TEXTS, IP_KINDS, JOINT_IP, STYLES
from ckm.simulate.records import picked

_STATUSES = ("submitted", "accepted", "adopted", "rejected")
_NEWEST = 4
"""Members contribute to one of so many newest initiatives, all of which are still running."""


@dataclass(frozen=True)
class Members:
    """People who join by `until`, in the order of joining."""

    person: np.ndarray
    customer: np.ndarray
    """Position of the customer; -1 for outsiders."""
    joined: np.ndarray
    left: np.ndarray
    """Moment of leaving the community; `until` is not applied."""


@dataclass(frozen=True)
class Contributions:
    """Contributions by `until`, in the order of their moments; NEVER for what does not happen to them."""

    uid: np.ndarray
    member: np.ndarray
    initiative: np.ndarray
    moment: np.ndarray
    decided: np.ndarray
    accepted: np.ndarray
    adopted: np.ndarray
    released: np.ndarray


def joining(company: Company, draws: Draws, clock: Clock, who: Customers) -> np.ndarray:
    """Moment at which each customer would join the community; NEVER for most."""
    c = company.cocreating
    day = who.created // DAY + 1 + draws.exponential("joins", c.days_to_joining, who.ids).astype(np.int64)
    joins = draws.happens("member", c.member_share, who.ids) & ~who.is_prospect
    return np.where(joins, at_any_hour(day, draws.uniform("joins.hour", who.ids)), NEVER)


def enter(
    company: Company,
    draws: Draws,
    clock: Clock,
    who: Customers,
    joins: np.ndarray,
    left: np.ndarray,
    customers: int,
) -> Members:
    """The members: customers who join before they leave the company, and outsiders."""
    c = company.cocreating
    customer = who.ids[(joins < left) & (joins < clock.end)]
    pace = company.arrival_days / (customers * c.outsiders_per_customer)
    number = np.arange(int(clock.horizon / pace) + 1)
    moment = clock.moments((number + draws.uniform("outsider joins", number)) * pace)
    number, moment = number[moment < clock.end], moment[moment < clock.end]
    person = np.concatenate(
        [acting(draws, who, "member", customer, customer), outsiders(draws.uid("outside member", number))]
    )
    joined_at = np.concatenate([joins[customer], moment])
    days = 1 + draws.exponential("member.days", c.days_as_member, person).astype(np.int64)
    quits = at_work(joined_at // DAY + days, draws.uniform("member.hour", person))
    members = Members(
        person=person,
        customer=np.concatenate([customer, np.full(number.size, -1)]),
        joined=joined_at,
        left=np.minimum(quits, np.concatenate([left[customer], np.full(number.size, NEVER)])),
    )
    return picked(members, np.lexsort((person, joined_at)))


def contribute(
    company: Company, draws: Draws, clock: Clock, members: Members, plans: Initiatives
) -> Contributions:
    """The contributions, and what becomes of them."""
    c = company.cocreating
    shape = c.contribution_shape
    rate = draws.gamma("contribution.rate", shape, shape * c.days_between_contributions, members.person)
    member, k, moment = recurring(draws, "contribution", members.person, members.joined, rate, clock.end)
    uid = draws.uid("contributions", members.person[member], k)
    there = np.searchsorted(plans.started * DAY + 8 * 3600, moment)
    initiative = there - 1 - draws.below("contribution.to", _NEWEST, uid)
    kept = np.lexsort((uid, moment))
    kept = kept[(initiative >= 0)[kept] & (moment < members.left[member])[kept]]
    uid, member, initiative, moment = uid[kept], member[kept], initiative[kept], moment[kept]

    def later(name: str, since: np.ndarray, least: int, span: int) -> np.ndarray:
        day = since // DAY + least + draws.below(name, span, uid)
        return at_work(day, draws.uniform(f"{name}.hour", uid))

    decided = later("contribution.decided", moment, 3, 20)
    accepted = draws.happens("contribution.accepted", c.accepted_rate, uid)
    adopts = accepted & draws.happens("contribution.adopted", c.adopted_rate, uid)
    adopted = np.where(adopts, later("contribution.adoption", decided, 5, 40), NEVER)
    released = plans.released[initiative] * DAY + 10 * 3600
    goes_in = (plans.released[initiative] < NEVER // DAY) & (adopted < released)
    return Contributions(
        uid, member, initiative, moment, decided, accepted, adopted, np.where(goes_in, released, NEVER)
    )


def member_rows(draws: Draws, clock: Clock, accounts: Accounts, members: Members) -> dict:
    """The rows of `members`."""
    person, has_left = members.person, members.left < clock.end
    shows = draws.happens("member.name", 0.7, person)
    return {
        "member_id": accounts.of(person, accounts.ids),
        "nickname": accounts.of(person, accounts.nicknames),
        "full_name": accounts.full_names.take(nullable(np.searchsorted(accounts.person, person), shows)),
        "company_name": accounts.of(person, accounts.company_names),
        "email": accounts.of(person, accounts.emails),
        "customer_id": accounts.of(person, accounts.customer_ids),
        "country": accounts.of(person, accounts.countries),
        "birth_year": accounts.of(person, accounts.birth_years),
        "joined_at": moments(members.joined),
        "left_at": moments(members.left, has_left),
        "updated_at": moments(np.where(has_left, members.left, members.joined)),
        "_uid": draws.uid("members", person),
    }


def contribution_ids(position: np.ndarray) -> pa.Array:
    """Native ids of contributions."""
    return label("BT-", 5001 + position)


def contribution_rows(
    draws: Draws, clock: Clock, accounts: Accounts, members: Members, plans: Initiatives, given: Contributions
) -> dict:
    """The rows of `contributions` in their latest state."""
    end, uid = clock.end, given.uid
    person = members.person[given.member]
    decided, adopted, released = given.decided < end, given.adopted < end, given.released < end
    status = np.where(adopted, 2, np.where(decided, np.where(given.accepted, 1, 3), 0))
    words = draws.below("contribution.words", len(CONTRIBUTION_TEXTS), uid)
    style = plans.style[given.initiative]
    updated = np.maximum.reduce(
        [
            given.moment,
            np.where(decided, given.decided, 0),
            np.where(adopted, given.adopted, 0),
            np.where(released, given.released, 0),
        ]
    )
    return {
        "contribution_id": contribution_ids(np.arange(uid.size)),
        "initiative_id": initiative_ids(given.initiative),
        "member_id": accounts.of(person, accounts.ids),
        "contribution_type": chosen([row[2] for row in STYLES], style),
        "contribution_text": joined(
            chosen([before for before, _ in CONTRIBUTION_TEXTS], words),
            accounts.of(person, accounts.full_names),
            chosen([later for _, later in CONTRIBUTION_TEXTS], words),
        ),
        "status": chosen(_STATUSES, status),
        "votes": np.where(decided, draws.below("contribution.votes", 30, uid), 0),
        "hours": np.round(0.5 + draws.exponential("contribution.hours", 2.5, uid), 1),
        "release_id": release_ids(given.initiative, released),
        "contributed_at": moments(given.moment),
        "adopted_on": dates(given.adopted // DAY, adopted),
        "updated_at": moments(updated),
        "_uid": uid,
    }


def ip_share_rows(
    company: Company,
    draws: Draws,
    clock: Clock,
    accounts: Accounts,
    members: Members,
    plans: Initiatives,
    given: Contributions,
) -> dict:
    """The rows of `ip_shares`: granted some weeks after the adoption."""
    joint = plans.style[given.initiative] == JOINT_IP
    granted = given.adopted + 20 * DAY
    gets = joint & (granted < clock.end)
    at = np.nonzero(gets & draws.happens("ip", company.cocreating.joint_ip_rate, given.uid))[0]
    at = at[np.lexsort((given.uid[at], granted[at]))]
    uid, granted = given.uid[at], granted[at]
    share = np.round(draws.between("ip.share", 0.02, 0.25, uid), 2)
    return {
        "ip_share_id": label("IP-", 1 + np.arange(at.size)),
        "initiative_id": initiative_ids(given.initiative[at]),
        "member_id": accounts.of(members.person[given.member[at]], accounts.ids),
        "ip_kind": chosen(IP_KINDS, draws.below("ip.kind", len(IP_KINDS), uid)),
        "member_share": share,
        "value_amount": money(2_000 + draws.exponential("ip.value", 15_000.0, uid)),
        "currency_code": pa.repeat(company.reporting_currency, at.size),
        "granted_on": dates(granted // DAY),
        "updated_at": moments(granted),
        "_uid": draws.uid("ip_shares", uid),
    }
