"""Names, addresses and numbers of people, as Arrow columns drawn from the word lists."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckm.simulate.columns import chosen, joined
from ckm.simulate.draws import Draws
from ckm.simulate.words import (
    CITIES,
    CITIES_PER_COUNTRY,
    DIAL_CODES,
    FAMILY,
    FEMALE,
    MAIL_DOMAINS,
    MALE,
    POSTAL_PREFIXES,
    STREETS,
    plain,
)

FIRST = FEMALE + MALE
_PLAIN_FIRST = [plain(name) for name in FIRST]
_PLAIN_FAMILY = [plain(name) for name in FAMILY]
FAMILY_NAMES = [name.replace("-", " ") for name in FAMILY]


def first_and_family(draws: Draws, name: str, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(index of the first name, index of the family name, whether female) of each id."""
    female = draws.happens(f"{name}.female", 0.52, ids)
    own = np.where(female, len(FEMALE), len(MALE))
    first = draws.below(f"{name}.first", own, ids) + np.where(female, 0, len(FEMALE))
    return first, draws.below(f"{name}.family", len(FAMILY), ids), female


def emails(
    draws: Draws, name: str, ids: np.ndarray, first: np.ndarray, family: np.ndarray, mark: str
) -> pa.Array:
    """One address per id, never shared: the id's number is part of it, after a mark of the kind of person."""
    number = pc.cast(pa.array(ids), pa.string())
    domain = chosen(MAIL_DOMAINS, draws.below(f"{name}.domain", len(MAIL_DOMAINS), ids))
    return joined(chosen(_PLAIN_FIRST, first), ".", chosen(_PLAIN_FAMILY, family), mark, number, "@", domain)


def phones(ids: np.ndarray, country: np.ndarray, block: int) -> pa.Array:
    """One number per id, unique within a block of ten million, with the dialling code of the country."""
    digits = pc.utf8_lpad(pc.cast(pa.array((ids * 7_654_321 + 1_234_567) % 10_000_000), pa.string()), 7, "0")
    return joined(chosen(DIAL_CODES, country), f" {block}", digits)


def addresses(draws: Draws, ids: np.ndarray, version: np.ndarray, country: np.ndarray) -> dict[str, pa.Array]:
    """Street, postal code and city of each id's address number `version`."""
    city = country * CITIES_PER_COUNTRY + draws.below("city", CITIES_PER_COUNTRY, ids, version)
    house = pc.cast(pa.array(1 + draws.below("house", 220, ids, version)), pa.string())
    stair = chosen(["", "", "", "a", "b"], draws.below("stair", 5, ids, version))
    area = pc.utf8_lpad(pc.cast(pa.array(draws.below("postal", 1000, ids, version)), pa.string()), 3, "0")
    street = chosen(STREETS, draws.below("street", len(STREETS), ids, version))
    return {
        "street": joined(street, " ", house, stair),
        "postal_code": joined(chosen(POSTAL_PREFIXES, city), area),
        "city": chosen(CITIES, city),
    }
