"""What employees notice at visits, in interviews and in the field."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckm.simulate.catalogue import Catalogue
from ckm.simulate.clock import Clock
from ckm.simulate.columns import chosen, joined, label, moments
from ckm.simulate.company import Company
from ckm.simulate.customers import Customers, customer_ids
from ckm.simulate.draws import Draws
from ckm.simulate.phrases import LATENT_NEEDS, OBSERVATION_NOTES, THEMES
from ckm.simulate.service import MOODS, moods
from ckm.simulate.staff import KEY_ACCOUNT, Staff, trust

_TYPES = ("visit", "interview", "field_note")
_TYPE_SHARES = (0.40, 0.35, 0.25)
_FIELD_NOTE = 2
_MOOD_SHARES = (0.35, 0.45, 0.20)


def observation_rows(
    company: Company,
    draws: Draws,
    clock: Clock,
    staff: Staff,
    goods: Catalogue,
    who: Customers,
    customers: int,
) -> tuple[dict, np.ndarray]:
    """The rows of `observations`, and the position of the customer observed, known or not; -1 where none."""
    pace = company.arrival_days / (customers * company.asking.observations_per_customer)
    number = np.arange(int(clock.horizon / pace) + 1)
    moment = clock.moments((number + draws.uniform("observation", number)) * pace)
    there = np.searchsorted(who.created, moment)
    kept = (moment < clock.end) & (there > 0)
    number, moment, there = number[kept], moment[kept], there[kept]
    uid = draws.uid("observations", number)
    kind = draws.pick("observation.type", _TYPE_SHARES, uid)
    customer = np.where(kind == _FIELD_NOTE, -1, draws.below("observation.of", there, uid))
    employee = staff.holder(staff.post(draws, "observer", KEY_ACCOUNT, uid), moment)
    felt = company.mood_trust_effect * trust(draws, employee) + draws.normal("observation.mood", uid)
    words = draws.below("observation.note", len(OBSERVATION_NOTES), uid)
    known = who.display.take(pa.array(np.maximum(customer, 0)))
    name = pc.if_else(pa.array(customer >= 0), known, "der Kunde am Stand")
    states = draws.happens("observation.customer", 0.8, uid)
    return {
        "observation_id": label("B-", 1 + number),
        "observation_type": chosen(_TYPES, kind),
        "customer_id": customer_ids(np.where(states, customer, -1)),
        "employee_id": label("MA-", employee),
        "product_id": label("P-", 1001 + draws.below("observation.product", goods.goods, uid)),
        "theme": chosen(THEMES, draws.below("observation.theme", len(THEMES), uid)),
        "mood": chosen(MOODS, moods(felt, np.array(_MOOD_SHARES))),
        "latent_need": chosen(
            LATENT_NEEDS,
            draws.below("observation.need", len(LATENT_NEEDS), uid),
            draws.happens("observation.needs", 0.6, uid),
        ),
        "note": joined(
            chosen([before for before, _ in OBSERVATION_NOTES], words),
            name,
            chosen([later for _, later in OBSERVATION_NOTES], words),
        ),
        "observed_at": moments(moment),
        "updated_at": moments(moment),
        "_uid": uid,
    }, customer
