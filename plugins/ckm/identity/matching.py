"""From the weight of each pair to the probability that it is one person, given all the others it could be.

Three customers of one name weigh the same against a reader of that name, who is at most one of them. A source
names a person once, as a rule: so between two sources the links are a matching, of which belief propagation gives
the probabilities (Williams and Lau, Approximate evaluation of marginal association probabilities with belief
propagation, 2014). What is known for certain takes part, and so leaves the others fewer to be.
"""

import duckdb

from ckm.identity import guards

ROUNDS, PASSES = 4, 12
CERTAIN = 60.0
"""Match weight (log2) of a link that follows from a rule."""
RULE_IS_RIGHT = 0.999
LEAST_LIKELY = 0.9
MOST_FOUND = 0.95
"""Largest share of a source's records that another source is thought to hold, so that none is there for sure."""


def match(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `identity.candidate`: a row per scored pair that no rule has linked, with its probability.

    The number of persons that two sources share is estimated, too: as many as the links between them add up to.
    """
    connection.execute(_PAIRS)
    connection.execute(_SIZES)
    for _ in range(ROUNDS):
        connection.execute(_ODDS)
        for _ in range(PASSES):
            connection.execute(_PASS)
        connection.execute(_SHARED)
    connection.execute(_CANDIDATES)


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


_PAIRS = f"""
create or replace temp table matching_pair as
with made as (select left_ref, right_ref from identity.stated_link where status = 'made'),
pairs as (
    select coalesce(s.left_ref, m.left_ref) as left_ref, coalesce(s.right_ref, m.right_ref) as right_ref,
        case when m.left_ref is not null then {CERTAIN} else s.match_weight end as weight,
        m.left_ref is not null as is_made
    from identity.scored_pair s
    full join made m on m.left_ref = s.left_ref and m.right_ref = s.right_ref
)
select left_ref, right_ref, weight, is_made, l.source as left_source, r.source as right_source,
    cast(null as double) as odds, 1.0::double as from_left, 1.0::double as from_right
from pairs join identity.normal l on l.record_ref = left_ref join identity.normal r on r.record_ref = right_ref
where l.kind = 'person' and r.kind = 'person' and l.source <> r.source
"""

# left_source < right_source, as the references begin with their source
_SIZES = """
create or replace temp table matching_size as
with sizes as (
    select source, count(*) as records from identity.comparable where family_name is not null
    group by source
)
select l.source as left_source, r.source as right_source, l.records::double as left_records,
    r.records::double as right_records,
    0.5 * least(l.records, r.records)::double as shared
from sizes l join sizes r on l.source < r.source
"""

_ODDS = f"""
update matching_pair p set from_left = 1.0, from_right = 1.0, odds = 2 ** least(weight, {CERTAIN})
    * shared / left_records / right_records
    / (1 - least(shared / left_records, {MOST_FOUND})) / (1 - least(shared / right_records, {MOST_FOUND}))
from matching_size s where s.left_source = p.left_source and s.right_source = p.right_source
"""

_PASS = """
create or replace temp table matching_pair as
with lefts as (
    select * replace (1 / (1 + greatest(
        sum(odds * from_right) over (partition by left_ref, right_source) - odds * from_right, 0)) as from_left)
    from matching_pair
)
select * replace (1 / (1 + greatest(
    sum(odds * from_left) over (partition by right_ref, left_source) - odds * from_left, 0)) as from_right)
from lefts
"""

_PROBABILITY = "odds * from_left * from_right / (1 + odds * from_left * from_right)"

_SHARED = f"""
update matching_size s set shared = least(found, {MOST_FOUND} * least(left_records, right_records))
from (select left_source, right_source, sum({_PROBABILITY}) as found from matching_pair group by all) f
where f.left_source = s.left_source and f.right_source = s.right_source
"""

_CANDIDATES = f"""
create or replace table identity.candidate as
select p.left_ref, p.right_ref, round({_PROBABILITY}, 9) as probability, s.match_weight, s.field_weights, s.model,
    {guards.REASON_BY_WEIGHT} as reason
from matching_pair p
join identity.scored_pair s using (left_ref, right_ref)
join identity.normal l on l.record_ref = left_ref join identity.normal r on r.record_ref = right_ref
where not is_made
order by left_ref, right_ref
"""
