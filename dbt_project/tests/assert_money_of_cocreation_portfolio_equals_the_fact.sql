-- The mart's money and the fact's, up to the as-of date, are the same; a property of many shares counts once.

with in_mart as (

    select
        coalesce(sum(revenue), 0) as revenue,
        coalesce(sum(savings), 0) as savings,
        coalesce(sum(ip_value), 0) as ip_value,
        coalesce(sum(cost), 0) as cost
    from {{ ref('cocreation_portfolio') }}

),

fct_initiative_outcome as (

    select *
    from {{ ref('fct_initiative_outcome') }}
    where outcome_date <= {{ as_of_date() }}

),

flows as (

    select
        coalesce(sum(case when outcome_kind = 'revenue' then net_amount end), 0) as revenue,
        coalesce(sum(case when outcome_kind = 'saving' then net_amount end), 0) as savings,
        coalesce(sum(case when outcome_kind = 'cost' then net_amount end), 0) as cost
    from fct_initiative_outcome

),

properties as (

    select distinct
        initiative_key,
        outcome_date,
        ip_kind,
        amount,
        currency_code,
        net_amount
    from fct_initiative_outcome
    where object = 'ip_shares'

),

property as (

    select coalesce(sum(net_amount), 0) as ip_value from properties

)

select
    in_mart.revenue,
    flows.revenue as revenue_in_fact,
    in_mart.savings,
    flows.savings as savings_in_fact,
    in_mart.ip_value,
    property.ip_value as ip_value_in_fact,
    in_mart.cost,
    flows.cost as cost_in_fact
from in_mart
cross join flows
cross join property
where
    in_mart.revenue <> flows.revenue
    or in_mart.savings <> flows.savings
    or in_mart.ip_value <> property.ip_value
    or in_mart.cost <> flows.cost
