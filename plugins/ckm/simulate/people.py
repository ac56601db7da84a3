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
    NICKNAMES,
    POSTAL_PREFIXES,
    RARE_FAMILY,
    RARE_FAMILY_SHARE,
    STREETS,
    TRADES,
    plain,
)

FIRST = FEMALE + MALE
_PLAIN_FIRST = [plain(name) for name in FIRST]
_PLAIN_FAMILY = [plain(name) for name in (*FAMILY, *RARE_FAMILY)]
_PLAIN_TRADES = [plain(name) for name, _ in TRADES]
FAMILY_NAMES = [*(name.replace("-", " ") for name in FAMILY), *RARE_FAMILY]
_DIAL_STYLES = tuple(
    (dial.replace(" ", ""), "00" + dial[1:].replace(" ", "-") + "-", "0" + dial.split(" ", 1)[1] + " ")
    for dial in DIAL_CODES
)
AS_IS, MISTYPED, INITIAL, FAMILY_FIRST, NICKNAME, PLAIN = range(6)


def _mistyped(name: str) -> str:
    """A name with its third and fourth letters in the wrong order, or one letter too few."""
    return name[:2] + name[3] + name[2] + name[4:] if len(name) > 4 else name[:-1]


_FIRST_SPELLED = [
    spelled
    for name in FIRST
    for spelled in (name, name, f"{name[0]}.", name, NICKNAMES.get(name, name[:4]), plain(name).capitalize())
]
_FAMILY_SPELLED = [
    spelled
    for name, letters in zip(FAMILY_NAMES, _PLAIN_FAMILY, strict=True)
    for spelled in (name, _mistyped(name), name, name, name, letters.capitalize())
]


def first_and_family(draws: Draws, name: str, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(index of the first name, index of the family name, whether female) of each id."""
    female = draws.happens(f"{name}.female", 0.52, ids)
    own = np.where(female, len(FEMALE), len(MALE))
    first = draws.below(f"{name}.first", own, ids) + np.where(female, 0, len(FEMALE))
    is_rare = draws.happens(f"{name}.rare family", RARE_FAMILY_SHARE, ids)
    family = draws.below(f"{name}.family", np.where(is_rare, len(RARE_FAMILY), len(FAMILY)), ids)
    return first, family + np.where(is_rare, len(FAMILY), 0), female


def emails(
    draws: Draws, name: str, ids: np.ndarray, first: np.ndarray, family: np.ndarray, mark: str
) -> pa.Array:
    """One address per id, never shared: the id's number is part of it, after a mark of the kind of person."""
    number = pc.cast(pa.array(ids), pa.string())
    domain = chosen(MAIL_DOMAINS, draws.below(f"{name}.domain", len(MAIL_DOMAINS), ids))
    return joined(chosen(_PLAIN_FIRST, first), ".", chosen(_PLAIN_FAMILY, family), mark, number, "@", domain)


def mailboxes(ids: np.ndarray, family: np.ndarray, trade: np.ndarray) -> pa.Array:
    """The info@ address of each company."""
    number = pc.cast(pa.array(ids), pa.string())
    return joined(
        "info@", chosen(_PLAIN_FAMILY, family), "-", chosen(_PLAIN_TRADES, trade), number, ".example"
    )


def full_names(first: np.ndarray, family: np.ndarray, spelling: np.ndarray) -> pa.Array:
    """Names in the spelling that each person uses."""
    given = chosen(_FIRST_SPELLED, first * 6 + spelling)
    surname = chosen(_FAMILY_SPELLED, family * 6 + spelling)
    swapped = joined(surname, ", ", given)
    return pc.if_else(pa.array(spelling == FAMILY_FIRST), swapped, joined(given, " ", surname))


def phones(ids: np.ndarray, country: np.ndarray, block: int) -> pa.Array:
    """One number per id, unique within a block of ten million, with the dialling code of the country."""
    return joined(chosen(DIAL_CODES, country), f" {block}", _digits(ids))


def phones_otherwise(ids: np.ndarray, country: np.ndarray, block: np.ndarray, style: np.ndarray) -> pa.Array:
    """The same numbers written without blanks (style 0), with 00 (1) or without the country's code (2)."""
    prefixes = [prefix for styles in _DIAL_STYLES for prefix in styles]
    blocks = pc.cast(pa.array(block), pa.string())
    return joined(chosen(prefixes, country * 3 + style), blocks, _digits(ids))


def _digits(ids: np.ndarray) -> pa.Array:
    return pc.utf8_lpad(pc.cast(pa.array((ids * 7_654_321 + 1_234_567) % 10_000_000), pa.string()), 7, "0")


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
