{{ config(materialized='table') }}

-- Grain: one row per money flow or measured result of an initiative: what it brought, what it cost, and what
-- intellectual property came of it. `object` says which of the three.
-- Every share in a property states the value of the whole: amounts of ip_shares must not be added up.

with outcomes as (

    select * from {{ ref('stg_community__outcomes') }}

),

initiative_costs as (

    select * from {{ ref('stg_community__initiative_costs') }}

),

ip_shares as (

    select * from {{ ref('stg_community__ip_shares') }}

),

base_exchange_rate as (

    select * from {{ ref('base_exchange_rate') }}

),

conformed as (

    select
        {{ surrogate_key('source', 'outcomes', 'row_key') }} as outcome_key,
        initiative_id,
        'outcomes' as object,
        outcome_kind,
        cast(null as string) as cost_kind,
        cast(null as string) as ip_kind,
        amount,
        measured_value,
        unit,
        cast(null as decimal(18, 6)) as member_share,
        currency_code,
        {{ month_start('month') }} as outcome_date,
        source,
        known_on
    from outcomes

    union all

    select
        {{ surrogate_key('source', 'initiative_costs', 'row_key') }} as outcome_key,
        initiative_id,
        'initiative_costs' as object,
        'cost' as outcome_kind,
        cost_kind,
        cast(null as string) as ip_kind,
        amount,
        cast(null as decimal(18, 6)) as measured_value,
        cast(null as string) as unit,
        cast(null as decimal(18, 6)) as member_share,
        currency_code,
        {{ month_start('month') }} as outcome_date,
        source,
        known_on
    from initiative_costs

    union all

    select
        {{ surrogate_key('source', 'ip_shares', 'row_key') }} as outcome_key,
        initiative_id,
        'ip_shares' as object,
        'ip_value' as outcome_kind,
        cast(null as string) as cost_kind,
        ip_kind,
        value_amount as amount,
        cast(null as decimal(18, 6)) as measured_value,
        cast(null as string) as unit,
        member_share,
        currency_code,
        granted_on as outcome_date,
        source,
        known_on
    from ip_shares

),

-- What is dated after the as-of date takes the latest rate known.
converted as (

    select
        conformed.outcome_key,
        {{ surrogate_key('conformed.source', 'initiatives', 'conformed.initiative_id') }} as initiative_key,
        {{ date_key('conformed.outcome_date') }} as outcome_date_key,
        conformed.object,
        conformed.outcome_kind,
        conformed.cost_kind,
        conformed.ip_kind,
        conformed.amount,
        case
            when conformed.currency_code = {{ reporting_currency() }} then conformed.amount
            else cast(conformed.amount * base_exchange_rate.rate_to_reporting as decimal(18, 4))
        end as net_amount,
        conformed.measured_value,
        conformed.unit,
        conformed.member_share,
        conformed.currency_code,
        {{ month_start('conformed.outcome_date') }} as month,
        conformed.outcome_date,
        conformed.source,
        conformed.known_on
    from conformed
    left join base_exchange_rate
        on
            conformed.currency_code = base_exchange_rate.currency_code
            and case
                when conformed.outcome_date > {{ as_of_date() }} then {{ as_of_date() }}
                else conformed.outcome_date
            end = base_exchange_rate.rate_date

)

select * from converted
