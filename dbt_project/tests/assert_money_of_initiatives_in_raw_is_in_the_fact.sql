-- Costs, outcomes and values of property that the log holds on the as-of date are in the fact, kind by kind.

with in_raw as (

    {%- for object, kind, amount in [
        ('outcomes', 'outcome_kind', 'amount'),
        ('initiative_costs', "'cost'", 'amount'),
        ('ip_shares', "'ip_value'", 'value_amount')
    ] %}

    select
        '{{ object }}' as object,
        lower(trim({{ kind }})) as outcome_kind,
        {{ amount }} as amount
    from {{ source('community', object) }} as versions
    where
        versions.known_on <= {{ as_of_date() }}
        and not versions.is_deleted
        and not exists (
            select 1
            from {{ source('community', object) }} as later
            where
                later.row_key = versions.row_key
                and later.known_on <= {{ as_of_date() }}
                and later.version_number > versions.version_number
        )
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

totals_in_raw as (

    select
        object,
        outcome_kind,
        count(*) as row_count,
        coalesce(sum(amount), 0) as amount
    from in_raw
    group by object, outcome_kind

),

in_fact as (

    select
        object,
        outcome_kind,
        count(*) as row_count,
        coalesce(sum(amount), 0) as amount
    from {{ ref('fct_initiative_outcome') }}
    group by object, outcome_kind

)

select
    totals_in_raw.object,
    totals_in_raw.outcome_kind,
    totals_in_raw.row_count,
    in_fact.row_count as rows_in_fact,
    totals_in_raw.amount,
    in_fact.amount as amount_in_fact
from totals_in_raw
left join in_fact
    on totals_in_raw.object = in_fact.object and totals_in_raw.outcome_kind = in_fact.outcome_kind
where
    in_fact.object is null
    or totals_in_raw.row_count <> in_fact.row_count
    or totals_in_raw.amount <> in_fact.amount
