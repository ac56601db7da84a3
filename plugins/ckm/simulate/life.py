"""What happens at the company: every process in the order of its causes, and the rows that it leaves."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pyarrow as pa

from ckm.simulate import answers as survey_answers
from ckm.simulate import (
    catalogue,
    community,
    complaint_rows,
    complaints,
    delivery,
    initiatives,
    knowledge,
    lines,
    purchases,
    questionnaires,
    reading,
    service,
    staff,
    subscriptions,
    surveys,
)
from ckm.simulate import customers as people
from ckm.simulate.accounts import Accounts
from ckm.simulate.attitudes import attitudes
from ckm.simulate.clock import Clock
from ckm.simulate.company import Company
from ckm.simulate.customers import Customers
from ckm.simulate.draws import Draws
from ckm.simulate.handling import Handling
from ckm.simulate.observations import observation_rows
from ckm.simulate.purchases import Buyers
from ckm.simulate.records import picked, stacked

Objects = dict[str, dict[str, dict]]
"""Source → object → canonical columns of equal length and `_uid`, a uint64 per row."""


@dataclass(frozen=True)
class Life:
    """Everything by the end of the clock: the rows of all systems, and what no system tells."""

    objects: Objects
    clock: Clock
    who: Customers
    buyers: Buyers
    left: np.ndarray
    """Moment at which each customer left over a badly handled complaint; NEVER for the others."""
    attitudes: dict[str, np.ndarray]
    accounts: dict[str, Accounts]
    actors: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]
    """(source, object) → per row (position of the customer, number of the person), -1 where there is none."""
    complaints: complaints.Complaints
    handled: Handling
    is_informed: np.ndarray
    """Whether the customer of each sale had read something before it; `sale` holds their order numbers."""
    sale_numbers: np.ndarray
    former_streets: pa.Array


def live(company: Company, draws: Draws, *, customers: int, until: date) -> Life:
    """The company's life from its start to the end of `until`; see `ckm.simulate.simulate`."""
    clock = Clock(company, until)
    team, employee_rows = staff.hire(company, draws, clock, customers)
    goods, product_rows, rate_rows = catalogue.stock(company, draws, clock)
    library, article_rows = knowledge.write_articles(company, draws, clock, goods)
    who, customer_rows, former_streets = people.arrive(company, draws, clock, team, customers)
    held = attitudes(company.asking, draws, who.ids)

    # What would come about if nobody left, and who leaves.
    joins = community.joining(company, draws, clock, who)
    sales, buyers = purchases.buy(company, draws, clock, who, joins)
    parcels = delivery.deliver(company, draws, sales)
    returned = purchases.returned(company, draws, sales, parcels.finished)
    subs = subscriptions.subscribe(company, draws, clock, who)
    visits = reading.visit(company, draws, clock, who)
    informed = reading.informed(company, visits, sales)
    complained, handled = complaints.arise(
        company, draws, clock, who, sales, parcels, returned, informed, subs
    )
    left = complaints.leaving(clock, who, complained, handled)

    # What comes about.
    complained, handled = complaints.that_happen(complained, handled, left, sales)
    stays = sales.ordered < left[sales.customer]
    informed = informed[stays]
    orders = purchases.with_extras(company, draws, clock, who, sales.where(stays))
    orders = purchases.follow_ups(
        company, draws, clock, orders, delivery.deliver(company, draws, orders).finished
    )
    parcels = delivery.deliver(company, draws, orders)
    number = purchases.numbered(orders)
    subs = subscriptions.until_left(company, subs, left)
    buyers = replace(buyers, alive=buyers.alive & (left >= clock.end))
    visits = picked(visits, visits.moment < left[visits.customer])
    met = service.meet(company, draws, clock, team, who, orders, parcels, left)
    crm, first_product = _crm_lines(company, draws, goods, orders, number)
    crm |= {
        "customers": customer_rows,
        "contacts": people.contact_rows(company, draws, clock, who),
        "consents": people.consent_rows(company, draws, clock, who),
        "employees": employee_rows,
        "products": product_rows,
        "orders": purchases.order_rows(company, draws, clock, team, orders, number, parcels.finished),
        "shipments": delivery.shipment_rows(company, draws, clock, orders, number, parcels),
        "subscriptions": subscriptions.subscription_rows(company, draws, clock, who, goods, subs),
        "usage_events": subscriptions.usage_rows(company, draws, clock, goods, subs),
        "interactions": service.interaction_rows(company, draws, clock, who, met, number),
        "workroom_items": service.workroom_rows(company, draws, clock, team, who, left),
        "service_costs": service.cost_rows(company, draws, clock, orders, parcels, met),
        "exchange_rates": rate_rows,
        "targets": catalogue.targets(company, draws, clock, customers),
    }

    def accounts_of(system: str, *persons: np.ndarray) -> Accounts:
        return Accounts(company, draws, clock, who, system, np.concatenate(persons))

    complainants = accounts_of("complaints", complained.person)
    resolver = complaint_rows.resolvers(draws, team, complained, handled)
    complaint_id = complaint_rows.complaint_ids(complaint_rows.complaint_numbers(complained))
    objects: Objects = {"crm": crm}
    objects["complaints"] = {
        "complaints": complaint_rows.complaint_rows(
            company,
            draws,
            clock,
            team,
            complainants,
            complained,
            handled,
            number,
            first_product,
            goods,
        ),
        "complaint_events": complaint_rows.event_rows(draws, clock, team, complainants, complained, handled),
    }

    invited = surveys.invite(
        company, draws, clock, who, left, orders, parcels, complained, handled, held["loyalty"]
    )
    given = surveys.respond(company, draws, clock, invited, customers)
    felt = survey_answers.circumstances(
        company, draws, given, orders, parcels, complained, handled, resolver, met
    )
    respondents = accounts_of("surveys", invited.person, given.person)
    breaks_off = survey_answers.unfinished(company, draws, given)
    observed, seen = observation_rows(company, draws, clock, team, goods, who, customers)
    objects["surveys"] = {
        "surveys": questionnaires.survey_rows(draws, clock),
        "questions": questionnaires.question_rows(draws, clock),
        "invitations": surveys.invitation_rows(company, draws, clock, respondents, invited),
        "responses": surveys.response_rows(
            company, draws, respondents, given, number, complaint_id, breaks_off
        ),
        "answers": survey_answers.answer_rows(company, draws, respondents, given, felt, held),
        "observations": observed,
    }

    read = reading.readings(company, draws, clock, library, visits, complained, handled)
    readers = accounts_of("knowledge", visits.person, read.person)
    objects["knowledge"] = {
        "articles": article_rows,
        "experts": knowledge.employ(company, draws, clock, team),
        "deliveries": reading.delivery_rows(
            company, draws, clock, team, readers, read, complaint_id, resolver
        ),
        "searches": reading.search_rows(draws, readers, library, visits),
        "service_benchmarks": knowledge.benchmark_rows(draws, clock),
    }

    plans = initiatives.plan(company, draws, clock)
    members = community.enter(company, draws, clock, who, joins, left, customers)
    made = community.contribute(company, draws, clock, members, plans)
    accounts = accounts_of("community", members.person)
    objects["community"] = {
        "initiatives": initiatives.initiative_rows(draws, clock, team, goods, plans),
        "members": community.member_rows(draws, clock, accounts, members),
        "contributions": community.contribution_rows(draws, clock, accounts, members, plans, made),
        "releases": initiatives.release_rows(draws, clock, goods, plans),
        "ip_shares": community.ip_share_rows(company, draws, clock, accounts, members, plans, made),
        "initiative_costs": initiatives.cost_rows(company, draws, clock, plans, customers),
        "outcomes": initiatives.outcome_rows(company, draws, clock, plans, customers),
    }

    searched = visits.mode == reading.SEARCH
    by_receipt = np.argsort(complaint_rows.complaint_numbers(complained))
    nobody = np.full(seen.size, -1)
    return Life(
        objects=objects,
        clock=clock,
        who=who,
        buyers=buyers,
        left=left,
        attitudes=held,
        accounts={
            "complaints": complainants,
            "surveys": respondents,
            "knowledge": readers,
            "community": accounts,
        },
        actors={
            ("complaints", "complaints"): (complained.customer[by_receipt], complained.person[by_receipt]),
            ("surveys", "invitations"): (invited.customer, invited.person),
            ("surveys", "responses"): (given.customer, given.person),
            ("surveys", "observations"): (seen, nobody),
            ("knowledge", "deliveries"): (read.customer, read.person),
            ("knowledge", "searches"): (visits.customer[searched], visits.person[searched]),
            ("community", "members"): (members.customer, members.person),
            ("community", "contributions"): (members.customer[made.member], members.person[made.member]),
        },
        complaints=complained,
        handled=handled,
        is_informed=informed,
        sale_numbers=number[: informed.size],
        former_streets=former_streets,
    )


def _crm_lines(
    company: Company,
    draws: Draws,
    goods: catalogue.Catalogue,
    orders: purchases.Orders,
    number: np.ndarray,
) -> tuple[dict[str, dict], np.ndarray]:
    """The rows of `order_lines`, and the product of each order's first line (0 where there is none)."""
    sold = lines.split(company, draws, goods, orders)
    first = np.zeros(orders.uid.size, dtype=np.int64)
    at_start = sold.line == 0
    first[sold.order[at_start]] = sold.product[at_start]
    every = stacked(sold, lines.reversals(goods, orders, sold))
    return {"order_lines": lines.line_rows(draws, goods, orders, number, every)}, first
