"""One way of writing for what names a person or a company, and no value where it only says that there is none.

The functions take one text and return its normal form, or None. `normalise` applies them to the distinct texts of
`identity.person_record`, so that its cost grows with what is written and not with how often.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import duckdb
import phonenumbers
from text_unidecode import unidecode

from ckm.identity.readings import SEPARATOR, read
from ckm.identity.short_forms import SHORT_FORMS

PLACEHOLDER_WORDS = frozenset((
    "unknown", "unbekannt", "none", "null", "nil", "nan", "na", "keine", "keiner", "kein", "leer", "empty",
    "test", "tester", "xxx", "xx", "x", "dummy", "anonymous", "anonym", "noname", "nobody", "notavailable",
    "notapplicable", "tbd", "todo", "asdf", "qwertz", "qwerty",
))  # fmt: skip
PLACEHOLDER_LOCAL_PARTS = frozenset((
    "noreply", "donotreply", "test", "tester", "none", "null", "unknown", "unbekannt", "nomail", "noemail",
    "keine", "asdf", "dummy", "anonymous",
))  # fmt: skip
PLACEHOLDER_DATES = ("1900-01-01", "1970-01-01", "1899-12-30", "9999-12-31", "0001-01-01")
EARLIEST_BIRTH_YEAR = 1901
SAME_FAMILY, SAME_GIVEN = 0.9, 0.85
"""Jaro-Winkler similarity from which the name in an address is the one that is stated, better written."""

TITLES = frozenset((
    "mr", "mrs", "ms", "miss", "mx", "sir", "dr", "prof", "professor", "herr", "frau", "dipl", "ing",
    "mag", "phd", "msc", "bsc", "ba", "ma", "mba", "jr", "sr", "ii", "iii", "mme", "mlle", "monsieur",
    "madame", "dhr", "mevr", "pan", "pani",
))  # fmt: skip
LEGAL_FORMS = frozenset((
    "gmbh", "mbh", "ag", "kg", "kgaa", "ohg", "ug", "gbr", "ek", "ev", "eg", "se", "co", "cokg", "ltd",
    "limited", "plc", "llp", "llc", "inc", "corp", "corporation", "company", "sa", "sarl", "sas", "sasu",
    "spa", "srl", "bv", "nv", "vof", "ab", "as", "asa", "aps", "oy", "oyj", "spzoo", "zoo", "sp", "z",
    "oo", "kft", "sro", "doo", "haftungsbeschraenkt", "und", "and", "et",
))  # fmt: skip
_UMLAUTS = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "ß": "ss",
        "ø": "oe",
        "Ø": "Oe",
        "æ": "ae",
    }
)


_NO_WORD, _NO_LETTER = re.compile(r"[^a-z0-9]+"), re.compile(r"[^a-z0-9]")
_WRITTEN_OUT = re.compile(r"([aou])e")


class Name(NamedTuple):
    """Given and family name in normal form; a given name of one letter is an initial."""

    given: str | None
    family: str | None


@lru_cache(maxsize=200_000)
def plain(text: str) -> str:
    """Lower-case letters, digits and single blanks, in Latin script: `Élise  MÜLLER-Lüd` is `elise mueller lud`.

    Umlauts are written out here, and folded where names are compared.
    """
    return " ".join(_NO_WORD.sub(" ", _latin(text).lower()).split())


def _latin(text: str) -> str:
    return text if text.isascii() else unidecode(text.translate(_UMLAUTS))


def folded(text: str) -> str:
    """A plain word without the e of a written-out umlaut, as half of all systems drop it: `mueller` is `muller`."""
    return _WRITTEN_OUT.sub(r"\1", text)


def is_placeholder(text: str) -> bool:
    """Whether a text says only that there is no value."""
    letters = _NO_LETTER.sub("", _latin(text).lower())
    if not letters:
        return True
    return letters in PLACEHOLDER_WORDS or (len(letters) > 2 and set(letters) <= {"0"})


def email(text: str) -> str | None:
    """An address in lower case without blanks and without the tag after a plus; None where it is none.

    Dots are kept: that they mean nothing is one provider's rule.
    """
    local, at, domain = re.sub(r"\s+", "", text).lower().removeprefix("mailto:").rpartition("@")
    local = local.partition("+")[0]
    if not at or not local or "." not in domain or "@" in local:
        return None
    letters = re.sub(r"[^a-z]", "", local)
    if letters in PLACEHOLDER_LOCAL_PARTS or domain.split(".")[0] in PLACEHOLDER_LOCAL_PARTS - {"none"}:
        return None
    return f"{local}@{domain}"


def phone(text: str, region: str | None) -> str | None:
    """A number as E.164, read as one of a region (ISO 3166 alpha-2) where it has no country code of its own.

    A number too long or too short for its country's plan stays, as long as E.164 can write it: two records that
    carry the same one still agree.
    """
    digits = re.sub(r"\D", "", text)
    if len(set(digits.lstrip("0"))) < 2 or digits.lstrip("0") in (
        "123456",
        "1234567",
        "12345678",
        "123456789",
    ):
        return None
    try:
        number = phonenumbers.parse(text, region if region in phonenumbers.SUPPORTED_REGIONS else None)
    except phonenumbers.NumberParseException:
        return None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return written if 8 <= len(written) <= 16 else None


def person_name(first: str | None, last: str | None, full: str | None) -> Name:
    """Given and family name; `full` is read where neither is written by itself.

    `Family, Given` is turned; titles go; the first of several given names stays, the whole name in place of its
    short form; a family name of several words becomes one word, as systems differ in the blank and the hyphen.
    """
    if not (first or last):
        full = full or ""
        if is_placeholder(full):
            return Name(None, None)
        family, comma, given = full.partition(",")
        if comma and _words(given):
            first, last = given, family
        else:
            words = _words(full)
            first, last = (words[0], " ".join(words[1:])) if len(words) > 1 else ("", "".join(words))
    return Name(_given(first), _family(last))


def _words(text: str) -> list[str]:
    return [word for word in plain(text).split() if word not in TITLES]


def _given(text: str | None) -> str | None:
    words = _words(text or "")
    if not words or is_placeholder(text or ""):
        return None
    name = folded(words[0])
    return SHORT_FORMS.get(name, name)


def _family(text: str | None) -> str | None:
    words = _words(text or "")
    return folded("".join(words)) if words and not is_placeholder(text or "") else None


def name_of_address(address: str) -> Name:
    """The name that a normal e-mail address spells out as given.family; none where it does not.

    Words with digits are left out where two words remain without them: they tell bearers of one name apart.
    """
    words = re.split(r"[._-]+", address.partition("@")[0])
    whole = [word for word in words if word.isalpha()]
    if len(whole) < 2:
        whole = [word for word in (word.rstrip("0123456789") for word in words) if word.isalpha()]
    if len(whole) != 2 or len(whole[1]) < 3:
        return Name(None, None)
    return person_name(*whole, None)


def company_name(text: str) -> str | None:
    """A company's name without its legal form: `Weber & Söhne GmbH & Co. KG` is `weber sohne`."""
    if is_placeholder(text):
        return None
    words = plain(re.sub(r"(?<=\b\w)\.(?=\w\b|\s|$)", "", text)).split()
    kept = [folded(word) for word in words if word not in LEGAL_FORMS]
    return " ".join(kept or words) or None


def registration_number(text: str) -> str | None:
    """Capital letters and digits of a company's number in its register."""
    if is_placeholder(text):
        return None
    kept = re.sub(r"[^A-Z0-9]", "", unidecode(text).upper())
    return kept if re.search(r"[1-9]", kept) and len(set(re.sub(r"\D", "", kept))) > 1 else None


def postal_code(text: str) -> str | None:
    """Capital letters and digits, without the country before a hyphen: `D-26123` is `26123`."""
    if is_placeholder(text):
        return None
    kept = re.sub(r"[^A-Z0-9]", "", re.sub(r"^\s*[A-Z]{1,2}-", "", unidecode(text).upper()))
    return kept if len(kept) >= 3 and len(set(kept)) > 1 else None


def street(text: str) -> str | None:
    """A street with its house number, plain, `strasse` and its like cut short."""
    if is_placeholder(text):
        return None
    return re.sub(r"(str)(asse)?\b", r"\1", folded(plain(text)).replace("strasse", "str")) or None


def house_number(text: str) -> str | None:
    """The house number of a street with its letter: `Am Markt 12 b` has 12b."""
    found = re.search(r"(\d+)\s*([a-z])?\s*$", text.strip().lower())
    return found[1].lstrip("0") + (found[2] or "") if found else None


def city(text: str) -> str | None:
    return None if is_placeholder(text) else folded(plain(text)) or None


def country(text: str) -> str | None:
    """ISO 3166 alpha-2 in capitals, None where the text is no such code."""
    code = text.strip().upper()
    return code if code in phonenumbers.SUPPORTED_REGIONS else None


_ONE_TEXT: dict[str, Callable[[str], str | None]] = {
    "email": email, "company_name": company_name, "registration_number": registration_number,
    "postal_code": postal_code, "street": street, "city": city, "country": country,
}  # fmt: skip


def normalise(connection: duckdb.DuckDBPyConnection, home_country: str | None = None) -> None:
    """Make `identity.normal`, one row per record with its fields in normal form, and `identity.placeholder`.

    A contact has the address of the company it belongs to where it states none, and a record the employer that it
    names by its customer number. Where the e-mail address spells out the name that is stated, its spelling counts: a
    misspelled address reaches nobody, and it has no initials. `address_name` is whether the name is only spelled out
    there.

    Args:
        home_country: region in which phone numbers are read where neither record nor employer has a country.
    """
    for column, function in _ONE_TEXT.items():
        read(connection, column, f"select {column} as text from identity.person_record", function)
    read(connection, "name", f"select {_WHOLE_NAME} as text from identity.person_record r", _whole_name)
    read(connection, "address_name", "select value as text from normal_email", name_of_address)
    connection.execute(_WITH_PLACES)
    read(connection, "house", "select street as text from placed", house_number)
    read(connection, "phone", f"select {_WHOLE_NUMBER} as text from placed p", _whole_number, [home_country])
    connection.execute(_NORMAL, [home_country])
    connection.execute(_PLACEHOLDERS)


def _whole_name(text: str) -> Name:
    return person_name(*text.split(SEPARATOR))


def _whole_number(text: str) -> str | None:
    return phone(*text.split(SEPARATOR))


_WHOLE_NAME = """case when r.kind is distinct from 'company' then
    coalesce(r.first_name, '') || chr(31) || coalesce(r.last_name, '') || chr(31) || coalesce(r.full_name, '') end"""

_WHOLE_NUMBER = "p.phone || chr(31) || coalesce(p.country, ?, '')"

_WITH_PLACES = f"""
create or replace temp table placed as
with own as (
    select r.* replace ({", ".join(f"{c}.value as {c}" for c in _ONE_TEXT)})
    from identity.person_record r
    {" ".join(f"left join normal_{c} {c} on r.{c} = {c}.text" for c in _ONE_TEXT)}
),
employed as (
    select own.*, employer.record_ref as employer_ref, employer.company_name as employer_name,
        employer.postal_code as employer_postal_code, employer.city as employer_city,
        employer.street as employer_street,
        employer.country as employer_country
    from own
    left join (from own where kind = 'company') as employer
        on employer.record_ref
            = case when own.kind is distinct from 'company' then coalesce(own.parent_ref, own.stated_ref) end
)
select * replace (
        coalesce(country, employer_country) as country,
        coalesce(company_name, employer_name) as company_name,
        coalesce(city, case when postal_code is null then employer_city end) as city,
        coalesce(street, case when postal_code is null then employer_street end) as street,
        coalesce(postal_code, employer_postal_code) as postal_code
    ) from employed
"""

_NORMAL = rf"""
create or replace table identity.normal as
with named as (
    select placed.*, stated.value as given, stated.other as family,
        spelled.value as spelled_given, spelled.other as spelled_family,
        coalesce(jaro_winkler_similarity(stated.other, spelled.other) >= {SAME_FAMILY}
            and (jaro_winkler_similarity(stated.value, spelled.value) >= {SAME_GIVEN}
                or stated.value = left(spelled.value, 1)), false) as is_spelled
    from placed
    left join normal_name stated on stated.text = {_WHOLE_NAME.replace("r.", "placed.")}
    left join normal_address_name spelled
        on spelled.text = case when placed.kind is distinct from 'company' then placed.email end
)
select p.record_ref, p.source, p.object,
    case when p.kind = 'company' then 'company' else 'person' end as kind,
    case when is_spelled then spelled_given
        else coalesce(given, case when family is null then spelled_given end) end as given_name,
    case when is_spelled then spelled_family else coalesce(family, spelled_family) end as family_name,
    family is null and spelled_family is not null as address_name,
    p.email, split_part(p.email, '@', 1) as email_local,
    phones.value as phone, right(phones.value, 8) as phone_tail,
    p.company_name, p.registration_number, p.postal_code, p.city, p.street,
    houses.value as house_number,
    p.country,
    case when p.birth_date::varchar not in {PLACEHOLDER_DATES!r} then p.birth_date end as birth_date,
    case when coalesce(year(p.birth_date), p.birth_year) >= {EARLIEST_BIRTH_YEAR}
        and p.birth_date::varchar is distinct from '1970-01-01'
        and coalesce(year(p.birth_date), p.birth_year) <= year(p.changed_on)
        then coalesce(year(p.birth_date), p.birth_year) end as birth_year,
    p.employer_ref, p.parent_ref, p.stated_ref, p.known_on, p.changed_on
from named p
left join normal_house houses on houses.text = p.street
left join normal_phone phones on phones.text = {_WHOLE_NUMBER}
order by p.record_ref
"""

_TEXTS = ("email", "phone", "company_name", "registration_number", "postal_code", "street", "city")
_PLACEHOLDERS = f"""
create or replace table identity.placeholder as
{
    " union all ".join(
        f"select record_ref, '{c}' as field, r.{c} as value from identity.person_record r "
        f"join {'identity.normal' if c == 'phone' else 'placed'} n using (record_ref) "
        f"where trim(r.{c}) <> '' and n.{c} is null"
        for c in _TEXTS
    )
}
union all select record_ref, 'name', concat_ws(' ', r.first_name, r.last_name, r.full_name)
from identity.person_record r join identity.normal n using (record_ref)
where (n.family_name is null or n.address_name)
    and trim(concat_ws('', r.first_name, r.last_name, r.full_name)) <> '' and n.kind = 'person'
union all select record_ref, 'birth_date', r.birth_date::varchar
from identity.person_record r join identity.normal n using (record_ref)
where r.birth_date is not null and n.birth_date is null
"""
