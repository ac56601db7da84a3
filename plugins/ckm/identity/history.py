"""Which cluster a record belongs to, night after night, and for which customer it stands.

What a night finds is kept as changes against the night before it (`identity.cluster_change`), so that a night that
runs again, even an old one, says anew what it found itself and nothing of what other nights did.
"""

from datetime import date

import duckdb

ALWAYS = date(1900, 1, 1)


def renew(connection: duckdb.DuckDBPyConnection, night: date) -> None:
    """Note what a night's components say of each record, and make `identity.cluster` as of this night.

    A record has been in its first cluster always; later ones begin with the night that found them, and the row
    before ends there. Wholly or not at all.
    """
    connection.execute(_TONIGHT, [night])
    connection.begin()
    try:
        (later,) = connection.execute(
            "select min(night) from identity.matched_night where night > ?", [night]
        ).fetchone()
        if later is not None:  # what the next night found does not change with what this one finds now
            _stood(connection, "cluster_later", later, included=True)
        _say(connection, night, "cluster_tonight")
        if later is not None:
            _say(connection, later, "cluster_later")
        connection.execute("delete from identity.matched_night where night = ?", [night])
        connection.execute("insert into identity.matched_night values (?)", [night])
        connection.execute("delete from identity.cluster")
        connection.execute(_CLUSTERS, [night])
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def _say(connection: duckdb.DuckDBPyConnection, night: date, state: str) -> None:
    """Put the changes against the night before on record; a record that is no more has no founder from then on."""
    connection.execute("delete from identity.cluster_change where changed_on = ?", [night])
    _stood(connection, "cluster_before", night, included=False)
    connection.execute(
        f"""insert into identity.cluster_change by name
        select coalesce(now.record_ref, before.record_ref) as record_ref, now.founder_ref, now.customer_ref,
            ?::date as changed_on
        from {state} as now full join cluster_before as before on now.record_ref = before.record_ref
        where (now.founder_ref, now.customer_ref) is distinct from (before.founder_ref, before.customer_ref)
        order by record_ref""",
        [night],
    )


def _stood(connection: duckdb.DuckDBPyConnection, name: str, night: date, *, included: bool) -> None:
    """Make a temporary table of what stood before a night, or at its end."""
    connection.execute(
        f"""create or replace temp table {name} as
        select record_ref, founder_ref, customer_ref from identity.cluster_change
        where changed_on {"<=" if included else "<"} ?
        qualify row_number() over (partition by record_ref order by changed_on desc) = 1""",
        [night],
    )


# A record is as old as the log or an earlier night has it: retention takes the oldest versions out of the log.
# A cluster is named by its oldest member in the CRM, or else of all: so it keeps its name as it grows, of two that
# merge the older name stays, and a part that splits off has its own oldest member's. Without the CRM first, an account
# that was seen a night before its customer would name them otherwise than a night that sees both at once.
# A cluster that holds a customer of the CRM is that customer. Else its person stands for the one company that the
# CRM has it as a contact of, or else for the one that its own records name; for two companies it stands for none.
_TONIGHT = """
create or replace temp table cluster_tonight as
with met as (
    select record_ref, min(changed_on) as met_on from identity.cluster_change where changed_on <= ? group by all
),
founded as (
    select c.record_ref, c.component_ref, n.object, n.parent_ref, n.employer_ref,
        first_value(c.record_ref) over (
            partition by c.component_ref
            order by not starts_with(c.record_ref, 'crm|'), least(c.known_on, met.met_on), c.record_ref
        ) as founder_ref
    from identity.component c join identity.normal n using (record_ref)
    left join met using (record_ref)
),
acting as (
    select component_ref, bool_or(object = 'customers') as is_customer,
        count(distinct parent_ref) filter (object = 'contacts') as companies,
        max(parent_ref) filter (object = 'contacts') as company_ref,
        count(distinct employer_ref) as employers, max(employer_ref) as employer_ref
    from founded group by component_ref
)
select founded.record_ref, founded.founder_ref,
    case when acting.is_customer then founded.founder_ref else company.founder_ref end as customer_ref
from founded join acting using (component_ref)
left join (from founded where object = 'customers') as company
    on company.record_ref = case
        when acting.is_customer then null
        when acting.companies = 1 then acting.company_ref
        when acting.companies = 0 and acting.employers = 1 then acting.employer_ref
    end
order by founded.record_ref
"""

_CLUSTERS = f"""
insert into identity.cluster by name
select record_ref, founder_ref, customer_ref,
    case when row_number() over in_order = 1 then date '{ALWAYS}' else changed_on end as valid_from,
    lead(changed_on) over in_order as valid_to
from identity.cluster_change
where changed_on <= ?
window in_order as (partition by record_ref order by changed_on)
qualify founder_ref is not null
order by record_ref, valid_from
"""
