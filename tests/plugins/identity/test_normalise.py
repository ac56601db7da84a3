"""One way of writing: names, addresses, numbers, and what stands for no value."""

import pytest

from ckm.identity import normalise, short_forms
from ckm.identity.short_forms import SHORT_FORMS

from .people import complainant, customer, holding, reader


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (" Anna.Weber@Example.ORG ", "anna.weber@example.org"),
        ("anna+shop@example.org", "anna@example.org"),
        ("a.n.n.a@gmail.com", "a.n.n.a@gmail.com"),
        ("mailto:anna@example.org", "anna@example.org"),
        ("anna at example.org", None),
        ("anna@localhost", None),
        ("test@test", None),
        ("test@test.de", None),
        ("noreply@shop.de", None),
        ("no-reply@shop.de", None),
        ("Testa.Rossi@example.org", "testa.rossi@example.org"),
    ],
)
def test_email(text, normal):
    assert normalise.email(text) == normal


@pytest.mark.parametrize(
    ("text", "region", "normal"),
    [
        ("0151 / 1123 4567", "DE", "+4915111234567"),
        ("0049-151-11234567", "DE", "+4915111234567"),
        ("+43 664 1234567", "DE", "+436641234567"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("020 7946 0018", None, None),
        ("000000", "DE", None),
        ("123456789", "DE", None),
        ("keine", "DE", None),
    ],
)
def test_phone_is_read_in_its_region(text, region, normal):
    assert normalise.phone(text, region) == normal


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ((None, None, "Müller, Jürgen"), ("jurgen", "muller")),
        ((None, None, "Dr. Juergen Mueller"), ("jurgen", "muller")),
        ((None, None, "Herr Prof. Dr. J. Müller"), ("j", "muller")),
        (("Anne Marie", "van Dijk", None), ("anne", "vandijk")),
        ((None, None, "Anne van-Dijk"), ("anne", "vandijk")),
        ((None, None, "Елена Weber"), ("elena", "weber")),
        ((None, None, "Małgorzata Öztürk"), ("malgorzata", "ozturk")),
        ((None, None, "Weber"), (None, "weber")),
        ((None, None, "unknown"), (None, None)),
        ((None, None, "n/a"), (None, None)),
        ((None, None, None), (None, None)),
        (("Test", "Weber", None), (None, "weber")),
    ],
)
def test_person_name(parts, name):
    assert normalise.person_name(*parts) == name


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("anna.weber@example.org", ("anna", "weber")),
        ("anna_weber1984@example.org", ("anna", "weber")),
        ("anna.weber.2@example.org", ("anna", "weber")),
        ("aweber@example.org", (None, None)),
        ("anna.von.weber@example.org", (None, None)),
        ("a.w@example.org", (None, None)),
    ],
)
def test_name_that_an_address_spells_out(address, name):
    assert normalise.name_of_address(address) == name


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("Weber & Söhne GmbH & Co. KG", "weber sohne"),
        ("WEBER  SOEHNE G.m.b.H.", "weber sohne"),
        ("Kowalski Sp. z o.o.", "kowalski"),
        ("AB AG", "ab ag"),  # nothing would be left
        ("n/a", None),
    ],
)
def test_company_name_without_legal_form(text, normal):
    assert normalise.company_name(text) == normal


@pytest.mark.parametrize(
    ("function", "text", "normal"),
    [
        (normalise.registration_number, "HRB 2 007 919", "HRB2007919"),
        (normalise.registration_number, "000000", None),
        (normalise.registration_number, "unbekannt", None),
        (normalise.postal_code, "D-26123", "26123"),
        (normalise.postal_code, "sw1a 2aa", "SW1A2AA"),
        (normalise.postal_code, "00000", None),
        (normalise.street, "Goethestraße 12 b", "gothestr 12 b"),
        (normalise.street, "Goethestr. 12 b", "gothestr 12 b"),
        (normalise.house_number, "am markt 12 b", "12b"),
        (normalise.house_number, "am markt", None),
        (normalise.city, "München", "munchen"),
        (normalise.country, " de ", "DE"),
        (normalise.country, "Narnia", None),
    ],
)
def test_places_and_numbers(function, text, normal):
    assert function(text) == normal


def test_placeholders_become_null_and_are_listed():
    connection = holding(
        customer(1, first_name="Anna", last_name="Weber", email="noreply@shop.de", phone="000000",
                 birth_date="1900-01-01", postal_code="n/a"),
        complainant(2, full_name="unknown"),
    )  # fmt: skip
    assert connection.execute(
        "select email, phone, birth_date, birth_year, postal_code, family_name from identity.normal "
        "order by family_name nulls last"
    ).fetchall() == [(None, None, None, None, None, "weber"), (None,) * 6]
    listed = connection.execute("select field, value from identity.placeholder order by all").fetchall()
    assert listed == [
        ("birth_date", "1900-01-01"), ("email", "noreply@shop.de"), ("name", "unknown"), ("phone", "000000"),
        ("postal_code", "n/a"),
    ]  # fmt: skip


def test_phone_is_read_in_the_country_of_the_record():
    connection = holding(customer(1, country="at", phone="0664 1234567"), customer(2, phone="0151 11234567"))
    assert connection.execute("select phone from identity.normal order by 1").fetchall() == [
        ("+436641234567",), ("+4915111234567",),
    ]  # fmt: skip


def test_contact_has_the_name_and_place_of_the_company_it_belongs_to():
    connection = holding(
        customer(1, kind="company", company_name="Weber GmbH", postal_code="26123", city="Oldenburg", country="DE"),
        {**customer(2), "record_ref": "crm|contacts|a", "object": "contacts", "native_id": "a",
         "parent_ref": "crm|customers|c1"},
    )  # fmt: skip
    assert connection.execute(
        "select company_name, postal_code, employer_ref, country from identity.normal where object = 'contacts'"
    ).fetchall() == [("weber", "26123", "crm|customers|c1", "DE")]


def test_short_forms_stand_for_one_name_and_in_normal_form():
    forms = [form for line in short_forms._BY_NAME.split() if not line.endswith(":") for form in [line]]
    assert len(forms) == len(set(forms)) == len(SHORT_FORMS)
    assert not set(SHORT_FORMS) & set(SHORT_FORMS.values())
    for name in (*SHORT_FORMS, *SHORT_FORMS.values()):
        assert normalise.folded(normalise.plain(name)) == name
    assert normalise.person_name("Uschi", "Groß", None) == ("ursula", "gross")


def test_name_that_the_address_spells_out_counts_as_it_stands_there():
    """An initial, a slip of the pen and a first name that is another's."""
    connection = holding(
        reader(1, full_name="S. Moreau", email="soren.moreau12@mail.example"),
        reader(2, full_name="José Özutrk", email="jose.oeztuerk@mail.example"),
        reader(3, full_name="Ayşe Kirchbusch", email="oliver.kirchbusch@mail.example"),
        reader(4, full_name="A. Kirchbusch", email="oliver.kirchbusch@mail.example"),
    )
    assert connection.execute(
        "select given_name, family_name, address_name from identity.normal order by record_ref"
    ).fetchall() == [
        ("soren", "moreau", False), ("jose", "ozturk", False), ("ayse", "kirchbusch", False),
        ("a", "kirchbusch", False),
    ]  # fmt: skip
