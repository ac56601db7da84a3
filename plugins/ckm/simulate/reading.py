"""Visits to the knowledge base: what customers search for, and which articles reach them how."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckm.simulate.accounts import Accounts, acting
from ckm.simulate.clock import DAY, NEVER, Clock
from ckm.simulate.columns import chosen, joined, label, moments, nullable
from ckm.simulate.company import Company
from ckm.simulate.complaints import Complaints
from ckm.simulate.customers import Customers
from ckm.simulate.draws import Draws
from ckm.simulate.handling import Handling
from ckm.simulate.histories import Histories, recurring
from ckm.simulate.knowledge import Library, article_ids
from ckm.simulate.phrases import QUERIES, REASON_TOPICS, TOPICS
from ckm.simulate.purchases import Orders
from ckm.simulate.records import picked, stacked
from ckm.simulate.staff import SERVICE, Staff
from ckm.simulate.words import SERIES

SEARCH, PUSH, COMPARISON, AGENT = range(4)
_MODES = ("search", "push", "comparison", "agent")
_LONGEST_SECONDS = 1500


@dataclass(frozen=True)
class Visits:
    """Visits of customers by `until`, whether or not they log in, in the order of their moments."""

    uid: np.ndarray
    customer: np.ndarray
    person: np.ndarray
    """Number of the person (see `accounts`); -1 where not logged in."""
    mode: np.ndarray
    moment: np.ndarray
    clicks: np.ndarray
    """Whether an article is delivered: always, but for searches without a click."""
    reads: np.ndarray
    """Whether it is read."""


@dataclass(frozen=True)
class Readings:
    """Articles delivered by `until`, in the order of delivery."""

    uid: np.ndarray
    customer: np.ndarray
    """Position of the customer; -1 for outsiders."""
    person: np.ndarray
    article: np.ndarray
    mode: np.ndarray
    search: np.ndarray
    """Number of the search, from 1; -1 where there was none."""
    complaint: np.ndarray
    """Position of the complaint; -1 where it was about none."""
    reads: np.ndarray
    moment: np.ndarray


def visit(company: Company, draws: Draws, clock: Clock, who: Customers) -> Visits:
    """The visits as they come about where nobody leaves."""
    c = company.reading
    rate = draws.gamma("visit.rate", c.visit_shape, c.visit_shape * c.days_between_visits, who.ids)
    customer, k, moment = recurring(draws, "visit", who.ids, who.created, rate, clock.end)
    uid = draws.uid("visits", customer, k)
    order = np.lexsort((uid, moment))
    customer, uid, moment = customer[order], uid[order], moment[order]
    mode = draws.pick("visit.mode", c.mode_shares, uid)
    clicks = (mode != SEARCH) | draws.happens("visit.click", c.click_rate, uid)
    unread = (mode == PUSH) & draws.happens("visit.unread", c.unread_push_rate, uid)
    can_hide = (mode == SEARCH) | (mode == COMPARISON)
    hides = can_hide & draws.happens("visit.anonymous", c.anonymous_rate, uid)
    person = np.where(hides, -1, acting(draws, who, "reader", customer, uid))
    return Visits(uid, customer, person, mode, moment, clicks, clicks & ~unread)


def informed(company: Company, visits: Visits, sales: Orders) -> np.ndarray:
    """Whether the customer of each sale had read something in the days before that count."""
    read = Histories(visits.customer[visits.reads], visits.moment[visits.reads])
    days = company.complaining.knowledge_days
    return read.last(sales.customer, sales.ordered, within=days * DAY) >= 0


def readings(
    company: Company,
    draws: Draws,
    clock: Clock,
    library: Library,
    visits: Visits,
    complaints: Complaints,
    handled: Handling,
) -> Readings:
    """What is delivered at the visits, and what employees hand on at the first action on a complaint."""
    search = np.where(visits.mode == SEARCH, np.cumsum(visits.mode == SEARCH), -1)
    seen = np.nonzero(visits.clicks)[0]
    uid, moment = visits.uid[seen], visits.moment[seen]
    by_visit = Readings(
        uid=draws.uid("delivery", uid),
        customer=visits.customer[seen],
        person=visits.person[seen],
        article=library.one(draws, "visit.article", moment, uid),
        mode=visits.mode[seen],
        search=search[seen],
        complaint=np.full(seen.size, -1),
        reads=visits.reads[seen],
        moment=moment,
    )
    told = handled.begun + 240
    helped = np.nonzero(
        (told < clock.end)
        & draws.happens("complaint.article", company.reading.complaint_rate, complaints.uid)
    )[0]
    uid, topic = complaints.uid[helped], np.array(REASON_TOPICS)[complaints.reason[helped]]
    lasting = library.topic[: library.lasting]
    on_topic = [np.nonzero(lasting == t)[0] for t in range(len(TOPICS))]
    first_of = np.array([found[0] if found.size else 0 for found in on_topic])
    by_complaint = Readings(
        uid=draws.uid("delivery.complaint", uid),
        customer=complaints.customer[helped],
        person=complaints.person[helped],
        article=first_of[topic],
        mode=np.full(helped.size, AGENT),
        search=np.full(helped.size, -1),
        complaint=helped,
        reads=np.full(helped.size, True),
        moment=told[helped],
    )
    both = stacked(by_visit, by_complaint)
    return picked(both, np.lexsort((both.uid, both.moment)))


def delivery_rows(
    company: Company,
    draws: Draws,
    clock: Clock,
    staff: Staff,
    accounts: Accounts,
    read: Readings,
    complaint_id: pa.Array,
    helper: np.ndarray,
) -> dict:
    """The rows of `deliveries`; `complaint_id` and `helper` (an employee's number) stand per complaint.

    Some readers say only days later whether it helped.
    """
    c, uid = company.reading, read.uid
    seconds = (60 * np.exp(0.8 * draws.normal("delivery.seconds", uid))).astype(np.int64) + 5
    seconds = np.where(read.reads, np.minimum(seconds, _LONGEST_SECONDS), 0)
    done = read.moment + seconds + 20
    says = read.reads & draws.happens("delivery.says", c.says_rate, uid)
    wait = 1 + draws.below("delivery.says.days", 4, uid)
    later = (read.moment // DAY + wait) * DAY + 8 * 3600 + draws.below("delivery.says.second", 36_000, uid)
    said_at = np.where(says, np.where(draws.happens("delivery.later", 0.2, uid), later, done), NEVER)
    said = said_at < clock.end
    agent = staff.holder(staff.post(draws, "delivery.agent", SERVICE, uid), read.moment)
    about = read.complaint >= 0
    employee = np.where(about, helper[read.complaint] if helper.size else agent, agent)
    return {
        "delivery_id": label("D-", 1 + np.arange(uid.size)),
        "article_id": article_ids(read.article),
        "customer_id": accounts.of(read.person, accounts.customer_ids),
        "reader_id": accounts.of(read.person, accounts.ids),
        "full_name": accounts.of(read.person, accounts.display_names),
        "email": accounts.of(read.person, accounts.emails),
        "delivery_mode": chosen(_MODES, read.mode),
        "search_id": label("Q-", read.search, read.search > 0),
        "complaint_id": complaint_id.take(nullable(read.complaint, about)),
        "employee_id": label("MA-", employee, read.mode == AGENT),
        "read_seconds": seconds,
        "is_helpful": nullable(draws.happens("delivery.helpful", c.helpful_rate, uid), said),
        "is_solved": nullable(draws.happens("delivery.solved", c.solved_rate, uid), said),
        "delivered_at": moments(read.moment),
        "updated_at": moments(np.where(said, said_at, done)),
        "_uid": uid,
    }


def search_rows(draws: Draws, accounts: Accounts, library: Library, visits: Visits) -> dict:
    """The rows of `searches`."""
    found = picked(visits, visits.mode == SEARCH)
    uid = found.uid
    article = library.one(draws, "visit.article", found.moment, uid)
    topic = np.where(found.clicks, library.topic[article], draws.below("search.topic", len(TOPICS), uid))
    more = draws.below("search.results", 9, uid)
    word = chosen(SERIES, draws.below("search.word", len(SERIES), uid))
    pieces = [chosen([query[i] for query in QUERIES], topic) for i in range(2)]
    query = joined(pieces[0], pc.utf8_lower(word), pieces[1])
    return {
        "search_id": label("Q-", 1 + np.arange(uid.size)),
        "customer_id": accounts.of(found.person, accounts.customer_ids),
        "reader_id": accounts.of(found.person, accounts.ids),
        "full_name": accounts.of(found.person, accounts.display_names),
        "query_text": query,
        "topic": chosen(TOPICS, topic),
        "result_count": np.where(found.clicks, 1 + more, np.maximum(0, more - 3)),
        "clicked_article_id": article_ids(np.where(found.clicks, article, -1)),
        "searched_at": moments(found.moment),
        "_uid": uid,
    }
