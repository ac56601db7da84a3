"""What keeps two records apart although something of them agrees, and what then still links them."""

from datetime import date

from ckm.identity import guards

from .people import complainant, customer, holding, reader, record, stated

ANNA = {"first_name": "Anna", "last_name": "Weber"}
JAN = {"first_name": "Jan", "last_name": "Weber"}
MAIL, PHONE = "anna.weber@example.org", "0151 11234567"


def test_customer_number_links():
    found = stated(customer(1, **ANNA), reader(1, stated_ref="crm|customers|c1"))
    assert found == {("c1", "r1"): ("customer number", None)}


def test_customer_number_with_another_name_is_doubtful():
    found = stated(
        customer(1, **ANNA), complainant(1, full_name="Piotr Nowak", stated_ref="crm|customers|c1")
    )
    assert found == {("b1", "c1"): ("customer number", guards.NAMES)}


def test_customer_number_of_a_company_is_no_link_to_the_company():
    found = stated(
        customer(1, kind="company", company_name="Weber GmbH"), complainant(1, stated_ref="crm|customers|c1")
    )
    assert found == {}


def test_email_links_who_has_no_other_name():
    assert stated(customer(1, **ANNA, email=MAIL), reader(1, email=MAIL.upper())) == {
        ("c1", "r1"): ("e-mail and name", None)
    }


def test_role_address_links_nobody_without_a_name():
    found = stated(customer(1, **ANNA, email="info@weber.example"), reader(1, email="info@weber.example"))
    assert found == {("c1", "r1"): ("e-mail and name", guards.SHARED)}


def test_household_address_links_only_by_name():
    found = stated(
        customer(1, **ANNA, email=MAIL), customer(2, **JAN, email=MAIL), reader(1, email=MAIL),
        complainant(1, full_name="Weber, Jan", email=MAIL),
    )  # fmt: skip
    made = {pair: rule for pair, (rule, reason) in found.items() if reason is None}
    assert made == {("b1", "c2"): "shared e-mail and name"}
    assert found["c1", "r1"] == ("e-mail and name", guards.SHARED)


def test_address_used_under_names_that_disagree_is_shared():
    found = stated(
        customer(1, **ANNA, email=MAIL),
        complainant(1, full_name="Piotr Nowak", email=MAIL),
        reader(1, email=MAIL),
    )
    assert all(reason for _, reason in found.values())


def test_company_mailbox_is_not_its_contact():
    mailbox = "weber@holz.example"
    contact = record("crm|contacts|a1", **ANNA, email=mailbox, parent_ref="crm|customers|c1")
    found = stated(
        customer(1, kind="company", company_name="Weber", email=mailbox), contact, reader(1, email=mailbox)
    )
    assert found == {("a1", "r1"): ("e-mail and name", guards.SHARED)}


def test_phone_links_with_the_name_and_not_without():
    found = stated(
        customer(1, **ANNA, phone=PHONE), complainant(1, full_name="A. Weber", phone="+4915111234567"),
        complainant(2, phone=PHONE),
    )  # fmt: skip
    assert found == {("b1", "c1"): ("phone and name", None)}


def test_recycled_number_is_doubtful():
    later = {"known_on": date(2025, 3, 1), "changed_on": date(2025, 3, 31)}
    found = stated(
        customer(1, **ANNA, phone=PHONE), complainant(1, full_name="Piotr Nowak", phone=PHONE, **later)
    )
    assert found == {("b1", "c1"): ("phone and name", guards.RECYCLED)}


def test_number_used_by_two_names_at_a_time_is_doubtful():
    found = stated(customer(1, **ANNA, phone=PHONE), complainant(1, full_name="Piotr Nowak", phone=PHONE))
    assert found == {("b1", "c1"): ("phone and name", guards.NAMES)}


def test_father_and_son_are_two():
    home = {
        "street": "Am Markt 1",
        "postal_code": "26123",
        "phone": PHONE,
        "first_name": "Jan",
        "last_name": "Weber",
    }
    son = record("community|members|m1", **home, birth_year=1990)
    assert stated(customer(1, **home, birth_date="1960-05-05"), son) == {
        ("m1", "c1"): ("phone and name", guards.GENERATIONS)
    }


def test_father_and_son_are_two_where_only_one_states_a_birth_year():
    home = {
        "street": "Am Markt 1",
        "postal_code": "26123",
        "phone": PHONE,
        "first_name": "Jan",
        "last_name": "Weber",
    }
    son = complainant(1, **home, email="jan2@example.org")
    father = customer(1, **home, birth_date="1960-05-05", email="jan1@example.org")
    assert stated(father, son) == {("b1", "c1"): ("phone and name", guards.GENERATIONS)}
    assert stated(father, son | {"email": None}) == {("b1", "c1"): ("phone and name", None)}


def test_other_birth_date_is_doubtful():
    found = stated(
        customer(1, **ANNA, email=MAIL, birth_date="1980-01-02"),
        record("community|members|m1", full_name="Anna Weber", email=MAIL, birth_year=1985),
    )
    assert found == {("m1", "c1"): ("e-mail and name", guards.BIRTHS)}


def test_two_customers_of_the_crm_stay_two():
    number = {"kind": "company", "registration_number": "HRB 4711"}
    assert stated(customer(1, **number), customer(2, **number)) == {
        ("c1", "c2"): ("registration number", guards.TWO_CUSTOMERS)
    }


def test_registration_number_links_companies():
    number = {"kind": "company", "registration_number": "HRB 4711"}
    other = record("complaints|complainants|b1", **number)
    assert stated(customer(1, **number), other) == {("b1", "c1"): ("registration number", None)}


def test_employer_and_name_link_to_the_one_contact_that_fits():
    company = customer(1, kind="company", company_name="Holz GmbH")
    contacts = [
        record("crm|contacts|a1", **ANNA, parent_ref="crm|customers|c1"),
        record("crm|contacts|a2", first_name="Ivo", last_name="Kern", parent_ref="crm|customers|c1"),
    ]
    anna = complainant(1, full_name="Weber, Anna", stated_ref="crm|customers|c1")
    assert stated(company, *contacts, anna) == {("b1", "a1"): ("employer and name", None)}
    contacts[1] |= {"first_name": "Anja", "last_name": "Weber"}
    assert {reason for _, reason in stated(company, *contacts, anna).values()} == {"several fit"}


def test_company_of_one_name_and_place_is_one_but_not_under_another_number():
    """Legal forms differ between systems; two of the CRM wait for a person."""
    weber = {"kind": "company", "company_name": "Weber & Söhne GmbH", "postal_code": "26123"}
    other = record(
        "complaints|complainants|b1", kind="company", company_name="Weber und Soehne", postal_code="D-26123"
    )
    rule = "company name and place"
    assert stated(customer(1, **weber), other) == {("b1", "c1"): (rule, None)}
    assert stated(customer(1, **weber), customer(2, **weber)) == {("c1", "c2"): (rule, guards.TWO_CUSTOMERS)}
    assert stated(customer(1, **weber), other | {"postal_code": "26129"}) == {}
    numbers = ({"registration_number": "HRB 4711"}, {"registration_number": "HRB 4712"})
    assert stated(customer(1, **weber, **numbers[0]), other | numbers[1]) == {}


def test_another_family_name_after_a_wedding_is_no_doubt_of_a_link_by_weight():
    def reason(**married):
        connection = holding(
            customer(1, **ANNA, birth_date=date(1980, 1, 2)), complainant(1, last_name="Nowak", **married)
        )
        return connection.execute(
            f"select {guards.REASON_BY_WEIGHT} from identity.normal l join identity.normal r on l.source > r.source"
        ).fetchone()[0]

    assert reason(first_name="Anna", birth_date=date(1980, 1, 2)) is None
    assert reason(first_name="Anna", birth_date=None) == guards.NAMES
    assert reason(first_name="Paul", birth_date=date(1980, 1, 2)) == guards.NAMES  # her twin
