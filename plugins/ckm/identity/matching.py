"""From the weight of each pair to the probability that it is one person, given all the others it could be.

Three customers of one name weigh the same against a reader of that name, who is at most one of them. A source
names a person once, as a rule: so between two sources the links are a matching, of which belief propagation gives
the probabilities (Williams and Lau, Approximate evaluation of marginal association probabilities with belief
propagation, 2014). What is known for certain takes part, and so leaves the others fewer to be.
"""

import duckdb
import numpy as np
import pyarrow as pa

ROUNDS, PASSES = 4, 12
CERTAIN = 60.0
"""Match weight (log2) of a link that follows from a rule."""
RULE_IS_RIGHT = 0.999
LEAST_LIKELY = 0.9
WORTH_KEEPING = 0.1
"""Probability from which a pair is kept."""
MOST_FOUND = 0.95
"""Largest share of a source's records that another source is thought to hold, so that none is there for sure."""


def match(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the temporary table `candidate`: the probability of scored pairs that no rule has linked and have a chance.

    The number of persons that two sources share is estimated, too: as many as the links between them add up to. So one
    new record changes every probability a little, and they are all made anew.
    """
    connection.execute(_PAIRS)
    pairs = connection.execute("from matching_pair").fetchnumpy()
    source = connection.execute("select number from matching_record").fetchnumpy()["number"]
    sizes = connection.execute(_SIZES).fetchnumpy()
    sources = int(sizes["left_records"].size ** 0.5)
    left, right = pairs["left_place"], pairs["right_place"]
    between = source[left] != source[right]
    left, right = left[between], right[between]
    found = np.zeros(between.size)
    found[between] = probabilities(
        left * sources + source[right], right * sources + source[left], source[left] * sources + source[right],
        pairs["weight"][between], sizes["left_records"], sizes["right_records"],
    )  # fmt: skip
    connection.register("found", pa.table({"probability": found}))
    connection.execute(_CANDIDATES)
    connection.unregister("found")


def probabilities(
    left_group: np.ndarray, right_group: np.ndarray, stratum: np.ndarray, weight: np.ndarray,
    left_records: np.ndarray, right_records: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Probability of each pair by belief propagation; one value per pair in and out.

    Args:
        left_group: number of the left record and the source on the right: at most one pair of a group is right.
        right_group: the same of the right record.
        stratum: number of the two sources.
        weight: match weight (log2) without a prior.
        left_records: records of the left source by stratum, those that say a name; and `right_records` of the right.
    """
    left_group, right_group = (
        np.unique(group, return_inverse=True)[1] for group in (left_group, right_group)
    )
    evidence = np.exp2(np.minimum(weight, CERTAIN))
    lefts, rights = left_records.astype(float), right_records.astype(float)
    most = MOST_FOUND * np.minimum(lefts, rights)
    shared = 0.5 * np.minimum(lefts, rights)
    probability = np.zeros(weight.size)
    with np.errstate(divide="ignore", invalid="ignore"):  # a source that names nobody has no prior
        for _ in range(ROUNDS):
            prior = shared / lefts / rights
            prior /= (1 - np.minimum(shared / lefts, MOST_FOUND)) * (
                1 - np.minimum(shared / rights, MOST_FOUND)
            )
            odds = evidence * prior[stratum]
            from_left = from_right = np.ones(weight.size)
            for _ in range(PASSES):
                from_left = _none_other(left_group, odds * from_right)
                from_right = _none_other(right_group, odds * from_left)
            likely = odds * from_left * from_right
            probability = likely / (1 + likely)
            shared = np.minimum(np.bincount(stratum, probability, lefts.size), most)
    return probability


def _none_other(group: np.ndarray, message: np.ndarray) -> np.ndarray:
    """Chance that none of the other pairs of its group is right, as each pair is told."""
    others = np.bincount(group, message)[group] - message
    np.maximum(others, 0, out=others)
    others += 1
    return np.reciprocal(others, out=others)


def threshold(connection: duckdb.DuckDBPyConnection, candidates: str, precision: float) -> float:
    """Lowest probability of a link by weight such that all links made are right as often as asked.

    By their own estimate: the mean of the probabilities, in which a link by a rule counts as `RULE_IS_RIGHT`. No
    link under `LEAST_LIKELY` is made, however many certain ones there are to make up for it.
    """
    (lowest,) = connection.execute(
        f"""with by_rule as (select count(*) as links from tonight_link where status = 'made'),
        ranked as (
            select probability, sum(probability) over so_far as right_links, count(*) over so_far as links
            from {candidates} where reason is null and probability >= {LEAST_LIKELY}
            window so_far as (order by probability desc)
        )
        select min(probability) from ranked, by_rule
        where (right_links + by_rule.links * {RULE_IS_RIGHT}) / (ranked.links + by_rule.links) >= ?""",
        [precision],
    ).fetchone()
    return 1.0 if lowest is None else lowest


# Records have the number of their place in the order of references, and pairs stand in that order, so that sums over
# them are the same to the last digit in whichever order they were found.
_PAIRS = f"""
create or replace temp table matching_source as
select source, row_number() over (order by source) - 1 as number
from (select distinct source from identity.comparable);

create or replace temp table matching_record as
select record_ref, number from identity.comparable join matching_source using (source) order by record_ref;

create or replace temp table matching_pair as
with made as (
    select l.rowid as left_place, r.rowid as right_place, {CERTAIN} as weight from stated_link
    join matching_record l on l.record_ref = left_ref join matching_record r on r.record_ref = right_ref
    where status = 'made'
),
scored as (
    select l.rowid as left_place, r.rowid as right_place, match_weight from identity.scored_pair
    join matching_record l on l.record_ref = left_ref join matching_record r on r.record_ref = right_ref
)
select left_place, right_place, coalesce(made.weight, match_weight) as weight, made.weight is not null as is_made
from scored full join made using (left_place, right_place)
order by left_place, right_place
"""

_SIZES = """
with sizes as (
    select number, count(record_ref) as records
    from matching_source left join identity.comparable using (source)
    where family_name is not null or record_ref is null group by number
)
select coalesce(l.records, 0) as left_records, coalesce(r.records, 0) as right_records
from matching_source one cross join matching_source other
left join sizes l on l.number = one.number left join sizes r on r.number = other.number
order by one.number, other.number
"""

_CANDIDATES = f"""
create or replace temp table candidate as
select l.record_ref as left_ref, r.record_ref as right_ref, round(probability, 9) as probability
from matching_pair positional join found
join matching_record l on l.rowid = left_place join matching_record r on r.rowid = right_place
where not is_made and not isnan(probability) and probability >= {WORTH_KEEPING}
"""
