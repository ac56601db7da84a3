"""Every link with its evidence, made or doubtful: the table that answers why two records are one, or are not."""

import duckdb

from ckm.identity import matching
from ckm.identity.clusters import components
from ckm.identity.deterministic import RULES
from ckm.identity.model import Model

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
    connection.execute("delete from identity.link")
    ranks = ", ".join(f"'{rule}'" for rule in RULES)
    connection.execute(
        f"""insert into identity.link by name
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
            list_position([{ranks}], s.rule) as strength
        from identity.stated_link s
        left join identity.decision d on d.left_ref = s.left_ref and d.right_ref = s.right_ref
        where d.decision is distinct from 'merge'""",
        {"run": run_id},
    )
    connection.execute("create or replace temp table placed_ref (record_ref varchar)")
    for which in ("(l.source = 'crm' or r.source = 'crm')", "l.source <> 'crm' and r.source <> 'crm'"):
        connection.execute(
            f"""create or replace temp table within_reach as
            select c.*, d.decision from identity.candidate c
            join identity.normal l on l.record_ref = c.left_ref join identity.normal r on r.record_ref = c.right_ref
            left join identity.decision d on d.left_ref = c.left_ref and d.right_ref = c.right_ref
            where {which} and d.decision is distinct from 'merge'
                and not (c.left_ref in (from placed_ref) and c.right_ref in (from placed_ref))
                and c.probability >= {WORTH_A_LOOK}
                and not exists (from identity.link k where k.left_ref = c.left_ref and k.right_ref = c.right_ref)"""
        )
        lowest = matching.threshold(connection, "within_reach", precision) if threshold is None else threshold
        connection.execute(
            f"""insert into identity.link by name
            select left_ref, right_ref, '{BY_WEIGHT}' as rule,
                case when why is null then 'made' else 'doubtful' end as status, why as reason,
                probability as match_probability, match_weight, field_weights, '{model.version}' as model,
                $run as run_id, {len(RULES) + 2} - probability as strength
            from (
                select *, case when decision = 'apart' then '{DECIDED_APART}'
                    else coalesce(reason, case when probability < $lowest then '{BELOW}' end) end as why
                from within_reach
            )""",
            {"run": run_id, "lowest": lowest},
        )
        components(connection)
        connection.execute(
            """create or replace temp table placed_ref as
            select record_ref from identity.component
            where component_ref in (
                select component_ref from identity.component where starts_with(record_ref, 'crm|'))"""
        )
