"""Every link with its evidence, made or doubtful: the table that answers why two records are one, or are not."""

import duckdb

from ckm.identity import guards, matching
from ckm.identity.clusters import components
from ckm.identity.deterministic import RULES
from ckm.identity.model import Model
from ckm.identity.tables import keep

PRECISION = 0.995
"""Share of the links made that shall be right, as the probabilities themselves estimate it."""
WORTH_A_LOOK = 0.5
"""Probability from which a link that is not made is kept as doubtful."""
BY_WEIGHT, BY_DECISION = "match weight", "decision"
BELOW, DECIDED_APART, UNKNOWN = "below the threshold", "decided apart", "no such record"


def gather(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    *,
    precision: float = PRECISION,
    threshold: float | None = None,
    run_id: str = "",
) -> None:
    """Make `identity.link`: by rule, by decision, and by weight where the probability is high enough.

    Links with the CRM come first; between other sources, weight links only who has no place in the CRM yet.
    `strength` puts them in order, 0 the strongest.

    Args:
        precision: share of the links made that shall be right; the threshold follows from it.
        threshold: probability from which a link is made, whatever precision follows.
    """
    connection.execute(_START)
    connection.execute(_BY_RULE_AND_DECISION, {"run": run_id})
    for which, among in ((_WITH_THE_CRM, "true"), (f"not {_WITH_THE_CRM}", _JOINED)):
        connection.execute(_PLACED)
        connection.execute(_WITHIN_REACH.format(which=which))
        lowest = matching.threshold(connection, "within_reach", precision) if threshold is None else threshold
        connection.execute(_BY_WEIGHT, {"run": run_id, "lowest": lowest, "model": model.version})
        components(connection, among)
    keep(connection, "link", "tonight_link", ["left_ref", "right_ref"], aside=["run_id"])
    keep(connection, "component", "tonight_component", ["record_ref"])


_START = """
create table if not exists identity.component (record_ref varchar, component_ref varchar);
create or replace temp table tonight_link as from identity.link limit 0;
create or replace temp table tonight_component (record_ref varchar, component_ref varchar);
"""
_BY_RULE_AND_DECISION = f"""
insert into tonight_link by name
select left_ref, right_ref, '{BY_DECISION}' as rule,
    case when l.record_ref is null or r.record_ref is null then 'doubtful' else 'made' end as status,
    case when l.record_ref is null or r.record_ref is null then '{UNKNOWN}' end as reason,
    identity.decision.reason as remark, $run as run_id, 0 as strength
from identity.decision
left join identity.normal l on l.record_ref = left_ref left join identity.normal r on r.record_ref = right_ref
where decision = 'merge'
union all by name
select s.left_ref, s.right_ref, s.rule,
    case when d.decision is null then s.status else 'doubtful' end as status,
    case when d.decision is null then s.reason else '{DECIDED_APART}' end as reason, $run as run_id,
    list_position([{", ".join(f"'{rule}'" for rule in RULES)}], s.rule) as strength
from stated_link s
left join identity.decision d on d.left_ref = s.left_ref and d.right_ref = s.right_ref
where d.decision is distinct from 'merge'
"""
_WITH_THE_CRM = "(starts_with(left_ref, 'crm|') or starts_with(right_ref, 'crm|'))"
_WITHIN_REACH = f"""
create or replace temp table within_reach as
with reached as (
    from candidate
    where {{which}} and probability >= {WORTH_A_LOOK}
        and not (left_ref in (from placed_ref) and right_ref in (from placed_ref))
        and not exists (
            from tonight_link k where k.left_ref = candidate.left_ref and k.right_ref = candidate.right_ref)
)
select reached.*, d.decision, {guards.REASON_BY_WEIGHT} as reason
from reached
join identity.normal l on l.record_ref = left_ref join identity.normal r on r.record_ref = right_ref
left join identity.decision d using (left_ref, right_ref)
"""
_BY_WEIGHT = f"""
insert into tonight_link by name
select left_ref, right_ref, '{BY_WEIGHT}' as rule, case when why is null then 'made' else 'doubtful' end as status,
    why as reason, probability as match_probability, match_weight, field_weights, $model as model, $run as run_id,
    {len(RULES) + 2} - probability as strength
from (
    select *, case when decision = 'apart' then '{DECIDED_APART}'
        else coalesce(reason, case when probability < $lowest then '{BELOW}' end) end as why
    from within_reach
)
join identity.scored_pair using (left_ref, right_ref)
"""
# What the links just found have joined.
_JOINED = """
record_ref in (
    select record_ref from tonight_component where component_ref in (
        select component_ref from tonight_component join (
            select unnest([left_ref, right_ref]) as record_ref from within_reach
        ) using (record_ref)
    )
)
"""
_PLACED = """
create or replace temp table placed_ref as
select record_ref from tonight_component
where component_ref in (select component_ref from tonight_component where starts_with(record_ref, 'crm|'))
"""
