"""From the weight of each pair to the probability that it is one person, given all the others it could be.

Three customers of one name weigh the same against a reader of that name, who is at most one of them. A source
names a person once, as a rule: so between two sources the links are a matching, of which belief propagation gives
the probabilities (Williams and Lau, Approximate evaluation of marginal association probabilities with belief
propagation, 2014). What is known for certain takes part, and so leaves the others fewer to be.
"""

import duckdb
import numpy as np
import pyarrow as pa

from ckm.identity import guards

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
    """Make `identity.candidate`: scored pairs that no rule has linked and that have a chance, with their probability.

    The number of persons that two sources share is estimated, too: as many as the links between them add up to.
    """
    connection.execute(_PAIRS)
    pairs = connection.execute(
        "select left_group, right_group, stratum, weight from matching_pair order by pair"
    ).fetchnumpy()
    sizes = connection.execute(_SIZES).fetchnumpy()
    found = probabilities(
        pairs["left_group"], pairs["right_group"], pairs["stratum"], pairs["weight"],
        sizes["left_records"], sizes["right_records"],
    )  # fmt: skip
    connection.register("found", pa.table({"pair": np.arange(found.size), "probability": found}))
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
    return 1 / (1 + np.maximum(np.bincount(group, message)[group] - message, 0))


def threshold(connection: duckdb.DuckDBPyConnection, candidates: str, precision: float) -> float:
    """Lowest probability of a link by weight such that all links made are right as often as asked.

    By their own estimate: the mean of the probabilities, in which a link by a rule counts as `RULE_IS_RIGHT`. No
    link under `LEAST_LIKELY` is made, however many certain ones there are to make up for it.
    """
    (lowest,) = connection.execute(
        f"""with by_rule as (select count(*) as links from identity.link where status = 'made'),
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


# The number of a pair of sources is that of the left one times their number, plus that of the right one; left before
# right, as the references begin with their source.
_PAIRS = f"""
create or replace temp table matching_source as
select source, row_number() over (order by source) - 1 as number, count(*) over () as sources
from (select distinct source from identity.normal);

create or replace temp table matching_pair as
with made as (select left_ref, right_ref from identity.stated_link where status = 'made'),
pairs as (
    select coalesce(s.left_ref, m.left_ref) as left_ref, coalesce(s.right_ref, m.right_ref) as right_ref,
        case when m.left_ref is not null then {CERTAIN} else s.match_weight end as weight,
        m.left_ref is not null as is_made
    from identity.scored_pair s
    full join made m on m.left_ref = s.left_ref and m.right_ref = s.right_ref
),
record as (
    select record_ref, kind, number, sources, normal.rowid as place
    from identity.normal as normal join matching_source using (source)
)
select row_number() over (order by left_ref, right_ref) - 1 as pair, left_ref, right_ref, weight, is_made,
    l.place * l.sources + r.number as left_group, r.place * r.sources + l.number as right_group,
    l.number * l.sources + r.number as stratum
from pairs join record l on l.record_ref = left_ref join record r on r.record_ref = right_ref
where l.kind = 'person' and r.kind = 'person' and l.number <> r.number
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
create or replace table identity.candidate as
select p.left_ref, p.right_ref, round(found.probability, 9) as probability, s.match_weight, s.field_weights, s.model,
    {guards.REASON_BY_WEIGHT} as reason
from matching_pair p join found using (pair)
join identity.scored_pair s using (left_ref, right_ref)
join identity.normal l on l.record_ref = left_ref join identity.normal r on r.record_ref = right_ref
where not is_made and not isnan(found.probability) and found.probability >= {WORTH_KEEPING}
order by left_ref, right_ref
"""
