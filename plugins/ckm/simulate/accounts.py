"""A person's account in another system than the CRM: an id, a spelling, an address of its own.

A person's number is customer * 10 + k for the k-th contact of a company, customer * 10 + SELF for a customer
who is a person, and at least OUTSIDE for somebody who is no customer. A company acts through a contact.
"""

from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ckm.simulate.clock import Clock
from ckm.simulate.columns import chosen, joined, label, nullable
from ckm.simulate.company import Company
from ckm.simulate.customers import Customers, birth_days, contact_emails, customer_ids
from ckm.simulate.draws import Draws
from ckm.simulate.people import (
    addresses,
    emails,
    first_and_family,
    full_names,
    phones_otherwise,
)
from ckm.simulate.words import COUNTRIES, COUNTRY_SHARES, LANGUAGES

SELF = 9
OUTSIDE = 5_000_000_000
_PREFIXES = {"complaints": "BF-", "surveys": "TN", "knowledge": "L-", "community": "mitglied-"}
_MARKS = {"complaints": ".b", "surveys": ".t", "knowledge": ".l", "community": ".m"}


def acting(draws: Draws, who: Customers, name: str, customer: np.ndarray, *ids: np.ndarray) -> np.ndarray:
    """Number of the person who acts for each customer: the customer, or one of the company's contacts."""
    contacts = who.contacts[customer]
    contact = draws.below(f"{name}.acting", np.maximum(contacts, 1), *ids)
    return customer * 10 + np.where(contacts > 0, contact, SELF)


def outsiders(uid: np.ndarray) -> np.ndarray:
    """Numbers of people who are no customers, one per uid."""
    return OUTSIDE + (uid % np.uint64(4_000_000_000)).astype(np.int64)


def person_ids(person: np.ndarray) -> pa.Array:
    """Ids of persons in the hidden truth; null where negative."""
    return label("P", person, person >= 0)


class Accounts:
    """The accounts of all persons of one system; every column has one value per account."""

    def __init__(
        self, company: Company, draws: Draws, clock: Clock, who: Customers, system: str, person: np.ndarray
    ) -> None:
        self.person = np.unique(person[person >= 0])
        """Number of each account's person, rising."""
        self.customer = np.where(self.person < OUTSIDE, self.person // 10, -1)
        """Position of the customer whom the person is or acts for; -1 for outsiders."""
        self._company, self._draws, self._clock, self._who, self._system = company, draws, clock, who, system

    def of(self, person: np.ndarray, column: pa.Array) -> pa.Array:
        """The accounts' column for each person; null where the number is negative."""
        return column.take(nullable(np.searchsorted(self.person, person), person >= 0))

    @cached_property
    def ids(self) -> pa.Array:
        """The system's own ids: numbers that say nothing about the person's."""
        start = 12_345_678_901 + 1_234_567_890 * list(_PREFIXES).index(self._system)
        return label(_PREFIXES[self._system], (self.person * 7_654_321_987 + start) % 10**10)

    @cached_property
    def customer_ids(self) -> pa.Array:
        """The CRM's number where the account states it."""
        states = self._happens("number", self._company.accounts.states_number_share)
        return customer_ids(np.where(states, self.customer, -1))

    @cached_property
    def emails(self) -> pa.Array:
        """The CRM's address, the person's private one, or none; some have one more for this system alone."""
        kind = self._draws.pick(f"{self._system}.email", self._company.accounts.email_shares, self.person)
        one = self._private("private", ".p")
        other = self._private(f"{self._system}.private", _MARKS[self._system])
        has_other = self._happens("second address", self._company.accounts.second_address_share)
        private = pc.if_else(pa.array(has_other), other, one)
        known = pc.if_else(pa.array(kind == 0), self._crm_emails, private)
        return pc.if_else(pa.array(kind < 2), known, pa.scalar(None, pa.string()))

    @cached_property
    def full_names(self) -> pa.Array:
        """Names as spelled in this system."""
        spelling = self._draws.pick(
            f"{self._system}.spelling", self._company.accounts.spelling_shares, self.person
        )
        return full_names(self._first, self._family, spelling)

    @cached_property
    def display_names(self) -> pa.Array:
        """Names where the account has one to show."""
        shows = self._happens("display name", self._company.accounts.shows_name_share)
        return pc.if_else(pa.array(shows), self.full_names, pa.scalar(None, pa.string()))

    @cached_property
    def company_names(self) -> pa.Array:
        """The company for which a contact acts, where stated."""
        inside = np.maximum(self.customer, 0)
        firm = (self.customer >= 0) & self._who.is_company[inside]
        states = self._happens("company", self._company.accounts.states_company_share)
        return self._who.display.take(nullable(inside, firm & states))

    @cached_property
    def phones(self) -> pa.Array:
        """The CRM's number written otherwise, another number, or none."""
        kind = self._draws.pick(f"{self._system}.phone", self._company.accounts.phone_shares, self.person)
        style = self._draws.below(f"{self._system}.phone.style", 3, self.person)
        block = np.where(kind == 1, 4, np.where(self._is_contact, 2, 1))
        ids = np.where((kind == 1) | self._is_contact | (self.customer < 0), self.person, self.customer)
        written = phones_otherwise(ids, self.country, block, style)
        return pc.if_else(pa.array(kind < 2), written, pa.scalar(None, pa.string()))

    @cached_property
    def addresses(self) -> dict[str, pa.Array]:
        """Street, postal code and city of the home or company."""
        home = np.where(self.customer >= 0, self._who.head[np.maximum(self.customer, 0)], self.person)
        return addresses(self._draws, home, np.zeros(home.size, dtype=np.int64), self.country)

    @cached_property
    def country(self) -> np.ndarray:
        """Index of the country."""
        own = self._draws.pick("outsider.country", COUNTRY_SHARES, self.person)
        return np.where(self.customer >= 0, self._who.country[np.maximum(self.customer, 0)], own)

    @cached_property
    def countries(self) -> pa.Array:
        return chosen(COUNTRIES, self.country)

    @cached_property
    def languages(self) -> pa.Array:
        return chosen(LANGUAGES, self.country)

    @cached_property
    def birth_years(self) -> pa.Array:
        """Year of birth, where stated."""
        is_self = (self.customer >= 0) & ~self._is_contact
        born = birth_days(self._draws, self._clock, np.where(is_self, self.customer, self.person))
        year = born.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        return nullable(year, self._happens("birth", self._company.accounts.states_birth_year_share))

    @cached_property
    def nicknames(self) -> pa.Array:
        """A short name of the person's own choice, unique within the system."""
        first = pc.utf8_lower(full_names(self._first, self._family, np.full(self.person.size, 4)))
        start = pc.utf8_slice_codeunits(first, 0, 4)
        return joined(start, label("_", (self.person * 7919 + 101) % 10**10))

    def truth(self) -> tuple[pa.Array, pa.Array]:
        """(native id, person id) of every account."""
        return self.ids, person_ids(self.person)

    @cached_property
    def _is_contact(self) -> np.ndarray:
        return (self.customer >= 0) & (self.person % 10 != SELF)

    @cached_property
    def _names(self) -> tuple[np.ndarray, np.ndarray]:
        customer, inside = np.maximum(self.customer, 0), self.customer >= 0
        contact = first_and_family(self._draws, "contact", self.person)
        outsider = first_and_family(self._draws, "outsider", self.person)
        own = (self._who.first[customer], self._who.family[customer])
        return tuple(
            np.where(self._is_contact, contact[i], np.where(inside, own[i], outsider[i])) for i in range(2)
        )

    @property
    def _first(self) -> np.ndarray:
        return self._names[0]

    @property
    def _family(self) -> np.ndarray:
        return self._names[1]

    @cached_property
    def _crm_emails(self) -> pa.Array:
        """The address that the CRM knows, or the only one of an outsider."""
        inside = pa.array(self.customer >= 0)
        contact = contact_emails(
            self._company,
            self._draws,
            self._who,
            np.where(self._is_contact, self.person, 0),
            self._first,
            self._family,
        )
        own = self._who.email.take(nullable(np.maximum(self.customer, 0)))
        outside = emails(self._draws, "outsider", self.person, self._first, self._family, ".x")
        return pc.if_else(pa.array(self._is_contact), contact, pc.if_else(inside, own, outside))

    def _private(self, name: str, mark: str) -> pa.Array:
        return emails(self._draws, name, self.person, self._first, self._family, mark)

    def _happens(self, name: str, rate: float) -> np.ndarray:
        return self._draws.happens(f"{self._system}.{name}", rate, self.person)
