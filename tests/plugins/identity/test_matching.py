"""Probabilities of a matching, against the sum over all matchings; texts are read once."""

from itertools import product

import numpy as np
import pytest

from ckm.identity import matching, readings
from ckm.identity.normalise import normalise

from .people import customer, holding, reader


def exact(lefts: np.ndarray, rights: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """Marginals by listing every set of pairs in which no record occurs twice."""
    total, found = 0.0, np.zeros(odds.size)
    for chosen in product((False, True), repeat=odds.size):
        taken = np.array(chosen)
        if any(np.bincount(side[taken], minlength=1).max() > 1 for side in (lefts, rights)):
            continue
        likely = np.prod(odds[taken])
        total += likely
        found += likely * taken
    return found / total


def test_chain_of_pairs_has_the_probabilities_of_all_its_matchings(monkeypatch):
    """On a chain of pairs belief propagation is exact."""
    monkeypatch.setattr(matching, "ROUNDS", 1)
    lefts, rights = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 1, 2, 2])
    weight = np.array([9.0, 11.0, 10.0, 8.0, 12.0])
    sizes = np.array([100.0]), np.array([50.0])
    prior = 25 / 100 / 50 / (1 - 0.25) / (1 - 0.5)
    found = matching.probabilities(lefts, rights, np.zeros(5, int), weight, *sizes)
    assert found == pytest.approx(exact(lefts, rights, np.exp2(weight) * prior), rel=1e-9)


def test_source_that_names_nobody_has_no_probability():
    zero = np.array([0])
    assert np.isnan(
        matching.probabilities(zero, zero, zero, np.array([9.0]), np.array([5]), np.array([0]))
    ).all()


def test_texts_are_read_once_and_forgotten_with_their_record(monkeypatch):
    connection = holding(
        customer(1, first_name="Anna", last_name="Weber"), reader(1, email="a.weber@example.org")
    )
    kept = connection.execute(
        "select field, text, value, other from identity.reading order by all"
    ).fetchall()
    assert ("email", "a.weber@example.org", "a.weber@example.org", None) in kept
    monkeypatch.setattr("ckm.identity.normalise.name_of_address", lambda text: pytest.fail("read again"))
    connection.execute("update identity.person_record set last_name = 'Nowak' where source = 'crm'")
    normalise(connection, "DE")
    texts = [
        text
        for (text,) in connection.execute("select text from identity.reading where field = 'name'").fetchall()
    ]
    assert sorted(texts) == [readings.SEPARATOR * 2, readings.SEPARATOR.join(("Anna", "Nowak", ""))]
    assert connection.execute("select family_name from identity.normal where source = 'crm'").fetchone() == (
        "nowak",
    )


def test_texts_are_read_again_by_other_rules(monkeypatch):
    connection = holding(customer(1, first_name="Anna", last_name="Weber"))
    monkeypatch.setattr(readings, "_rules", lambda: "others")
    normalise(connection, "DE")
    assert connection.execute("select distinct rules from identity.reading").fetchall() == [("others",)]
