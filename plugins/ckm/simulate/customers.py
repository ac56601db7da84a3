"""Customers as they arrive, their contact persons and their consents."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckm.simulate.clock import DAY, NEVER, Clock, at_work
from ckm.simulate.columns import chosen, dates, joined, label, moments, untidy
from ckm.simulate.company import Company
from ckm.simulate.draws import Draws
from ckm.simulate.people import (
    FAMILY_NAMES,
    FIRST,
    addresses,
    emails,
    first_and_family,
    mailboxes,
    phones,
)
from ckm.simulate.staff import KEY_ACCOUNT, Staff
from ckm.simulate.words import (
    CONTACT_ROLES,
    COUNTRIES,
    COUNTRY_SHARES,
    LANGUAGES,
    LEGAL_FORMS,
    TRADES,
)

_SEGMENTS = ["new", "regular", "business", "prospect"]
_CHANNELS = ("email", "phone", "app", "letter")
_PURPOSES = ["marketing", "profiling", "research"]


@dataclass(frozen=True)
class Customers:
    """Every customer won by `until`; position = order of arrival, customer number = 100001 + position."""

    arrival: np.ndarray
    """Operational days from the start to the first order (or first enquiry)."""
    arrived: np.ndarray
    """Moment of the first order or enquiry."""
    created: np.ndarray
    """Moment at which the CRM's row was made."""
    is_company: np.ndarray
    is_prospect: np.ndarray
    country: np.ndarray
    display: pa.Array
    """Full name of a person, registered name of a company."""
    contacts: np.ndarray
    """Number of contact persons known at the first contact (0 for persons)."""
    first: np.ndarray
    family: np.ndarray
    """Indices into the lists of names."""
    head: np.ndarray
    """Position of the customer whose household this one belongs to; its own for most."""
    email: pa.Array
    has_mailbox: np.ndarray
    """Whether a company's address is its info@ mailbox."""

    @property
    def ids(self) -> np.ndarray:
        return np.arange(self.arrival.size)


def customer_ids(position: np.ndarray) -> pa.Array:
    """Native customer ids; null where position is negative."""
    return label("KD-", 100_001 + position, position >= 0)


def contact_ids(position: np.ndarray, k: np.ndarray) -> pa.Array:
    """Native ids of the k-th contact of a customer; null where k is negative."""
    return label("AP-", 1_000_010 + position * 10 + k, k >= 0)


def arrive(
    company: Company, draws: Draws, clock: Clock, staff: Staff, customers: int
) -> tuple[Customers, dict, pa.Array]:
    """The customers, the rows of `customers`, and the streets that some of them have moved away from."""
    pace = company.arrival_days / customers
    ids = np.arange(int(clock.horizon / pace) + 1)
    arrival = (ids + draws.uniform("arrival", ids)) * pace
    arrived = clock.moments(arrival)
    created = arrived - 60 - draws.below("registered", 1500, ids)
    known = created < clock.end
    ids, arrival, arrived, created = ids[known], arrival[known], arrived[known], created[known]

    is_company = draws.happens("company", company.company_share, ids)
    head = _households(company, draws, ids, is_company)
    country = draws.pick("country", COUNTRY_SHARES, ids)[head]
    first, family, female = first_and_family(draws, "customer", ids)
    family = family[head]
    trade = draws.below("trade", len(TRADES), ids)
    form = chosen(LEGAL_FORMS, draws.below("form", len(LEGAL_FORMS), ids))
    firm = joined(chosen(FAMILY_NAMES, family), " ", chosen([name for name, _ in TRADES], trade), " ", form)
    person = joined(chosen(FIRST, first), " ", chosen(FAMILY_NAMES, family))
    mailbox = is_company & draws.happens("mailbox", company.mailbox_share, ids)
    email = emails(draws, "customer", ids, first, family, "").take(pa.array(head))
    email = pc.if_else(pa.array(mailbox), mailboxes(ids, family, trade), email)
    who = Customers(
        arrival=arrival,
        arrived=arrived,
        created=created,
        is_company=is_company,
        is_prospect=draws.happens("prospect", company.prospect_share, ids),
        country=country,
        display=pc.if_else(pa.array(is_company), firm, person),
        contacts=np.where(is_company, 1 + draws.below("contacts", 3, ids), 0),
        first=first,
        family=family,
        head=head,
        email=email,
        has_mailbox=mailbox,
    )
    away = draws.exponential("move", company.days_between_moves, ids).astype(np.int64) + 1
    moved_at = at_work(created // DAY + away, draws.uniform("move.hour", ids))
    moved = moved_at < clock.end
    settled_at = (created // DAY + company.days_as_new) * DAY + 5 * 3600
    settled = (settled_at < clock.end) & ~is_company & ~who.is_prospect
    post = staff.post(draws, "account manager", KEY_ACCOUNT, ids)
    now = np.full(ids.size, clock.end - 1)
    managed_since = np.where(is_company, staff.holder_since(post, now), 0)
    updated = np.maximum.reduce(
        [created, np.where(moved, moved_at, 0), np.where(settled, settled_at, 0), managed_since]
    )
    segment = np.where(is_company, 2, np.where(who.is_prospect, 3, np.where(settled, 1, 0)))
    stated = draws.pick("gender", (0.90, 0.08, 0.02), ids)
    gender = np.where(stated == 0, np.where(female, 0, 1), 2)
    uid = draws.uid("customers", ids)
    kinds = chosen(["person", "company"], is_company.astype(np.int64))
    rows = {
        "customer_id": customer_ids(ids),
        "customer_type": untidy(draws, "customer_type", kinds, uid, company.untidy_code_share),
        "parent_customer_id": customer_ids(_parents(company, draws, ids, is_company)),
        "first_name": chosen(FIRST, first, ~is_company),
        "last_name": chosen(FAMILY_NAMES, family, ~is_company),
        "company_name": pc.if_else(pa.array(is_company), firm, pa.scalar(None, pa.string())),
        "registration_number": label("HRB ", 2_000_000 + (ids * 7919) % 7_000_000, is_company),
        "email": email,
        "phone": phones(ids, country, 1),
        **addresses(draws, head, moved.astype(np.int64), country),
        "country": untidy(draws, "country", chosen(COUNTRIES, country), uid, company.untidy_code_share),
        "birth_date": dates(birth_days(draws, clock, ids), ~is_company),
        "gender": chosen(["female", "male", "diverse"], gender, ~is_company & (stated != 1)),
        "language": chosen(LANGUAGES, country),
        "preferred_channel": chosen(_CHANNELS, draws.pick("prefers", (0.6, 0.2, 0.1, 0.1), ids)),
        "industry": chosen([name for _, name in TRADES], trade, is_company),
        "segment": chosen(_SEGMENTS, segment),
        "account_manager_id": label("MA-", staff.holder(post, now), is_company),
        "acquired_at": moments(arrived),
        "created_at": moments(created),
        "updated_at": moments(updated),
        "_uid": uid,
    }
    left = addresses(draws, head[moved], np.zeros(moved.sum(), dtype=np.int64), country[moved])["street"]
    return who, rows, left


def birth_days(draws: Draws, clock: Clock, ids: np.ndarray) -> np.ndarray:
    """Day of birth (day number) of each person customer."""
    return clock.start - 18 * 365 - draws.below("born", 60 * 365, ids)


def _households(company: Company, draws: Draws, ids: np.ndarray, is_company: np.ndarray) -> np.ndarray:
    """Position of the head of each customer's household: an earlier person, or the customer itself."""
    persons = ids[~is_company]
    rank = np.arange(persons.size)
    joins = draws.happens("household", company.household_share, persons) & (rank > 0)
    other = draws.below("household of", np.maximum(rank, 1), persons)
    head = ids.copy()
    head[persons] = np.where(joins & ~joins[other], persons[other], persons) if persons.size else persons
    return head


def _parents(company: Company, draws: Draws, ids: np.ndarray, is_company: np.ndarray) -> np.ndarray:
    """Position of the parent company of each customer, an earlier company; -1 where none."""
    companies = ids[is_company]
    rank = np.arange(companies.size)
    earlier = draws.below("parent", np.maximum(rank, 1), companies)
    has = draws.happens("has parent", company.parent_share, companies) & (rank > 0)
    parent = np.full(ids.size, -1)
    parent[companies] = np.where(has, companies[earlier] if companies.size else -1, -1)
    return parent


def contact_emails(
    company: Company, draws: Draws, who: Customers, number: np.ndarray, first: np.ndarray, family: np.ndarray
) -> pa.Array:
    """The addresses of contacts (number = customer * 10 + k): their own, or their company's mailbox."""
    customer = number // 10
    share = np.where(who.has_mailbox[customer], company.contact_mailbox_share, 0.0)
    shares = draws.happens("contact.mailbox", share, number)
    own = emails(draws, "contact", number, first, family, ".ap")
    return pc.if_else(pa.array(shares), who.email.take(pa.array(customer)), own)


def contact_rows(company: Company, draws: Draws, clock: Clock, who: Customers) -> dict:
    """The rows of `contacts`; a contact may get another role after some years."""
    customer = np.repeat(who.ids, who.contacts)
    k = np.arange(customer.size) - np.repeat(np.cumsum(who.contacts) - who.contacts, who.contacts)
    first, family, _ = first_and_family(draws, "contact", customer * 10 + k)
    changes = draws.exponential("contact.change", 900.0, customer, k).astype(np.int64) + 1
    changed_at = at_work(who.created[customer] // DAY + changes, draws.uniform("contact.hour", customer, k))
    changed = changed_at < clock.end
    role = draws.below("contact.role", len(CONTACT_ROLES), customer, k, changed.astype(np.int64))
    number = customer * 10 + k
    return {
        "contact_id": contact_ids(customer, k),
        "customer_id": customer_ids(customer),
        "first_name": chosen(FIRST, first),
        "last_name": chosen(FAMILY_NAMES, family),
        "email": contact_emails(company, draws, who, number, first, family),
        "phone": phones(number, who.country[customer], 2),
        "role": chosen(CONTACT_ROLES, role),
        "is_decision_maker": pa.array((role <= 1) | (k == 0)),
        "updated_at": moments(np.where(changed, changed_at, who.created[customer])),
        "_uid": draws.uid("contacts", customer, k),
    }


def consent_rows(company: Company, draws: Draws, clock: Clock, who: Customers) -> dict:
    """The rows of `consents`: three purposes at registration, and profiling withdrawn later by some."""
    n = who.ids.size
    customer, purpose = np.repeat(who.ids, 3), np.tile(np.arange(3), n)
    share = np.array([company.marketing_share, 1.0, company.research_share])[purpose]
    granted = draws.happens("consent", share, customer, purpose)
    stated = who.created[customer] + 30
    quits = draws.happens("withdraws", company.profiling_withdrawn_share, who.ids)
    after = draws.exponential("withdraws.after", company.days_to_withdrawal, who.ids).astype(np.int64) + 1
    quit_at = np.where(quits, at_work(who.created // DAY + after, draws.uniform("quit.hour", who.ids)), NEVER)
    gone = who.ids[quit_at < clock.end]
    customer, purpose = np.concatenate([customer, gone]), np.concatenate([purpose, np.ones(gone.size, int)])
    granted = np.concatenate([granted, np.zeros(gone.size, bool)])
    stated = np.concatenate([stated, quit_at[gone]])
    order = np.lexsort((purpose, customer, stated))
    customer, purpose, granted, stated = customer[order], purpose[order], granted[order], stated[order]
    uid = draws.uid("consents", customer, purpose, granted.astype(np.int64))
    channel = draws.below("consent.channel", len(_CHANNELS), uid)
    return {
        "customer_id": customer_ids(customer),
        "purpose": untidy(draws, "purpose", chosen(_PURPOSES, purpose), uid, company.untidy_code_share),
        "is_granted": pa.array(granted),
        "channel": chosen(_CHANNELS, channel, (purpose == 0) & (channel < 2)),
        "stated_at": moments(stated),
        "updated_at": moments(stated),
        "_uid": uid,
    }
