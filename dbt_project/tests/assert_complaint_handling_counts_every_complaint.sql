-- Of every month, the total, the sum of the categories and the fact hold the same complaints and money.

with in_total as (

    select
        month,
        opened,
        resolved,
        compensation
    from {{ ref('complaint_handling') }}
    where category = 'all'

),

in_categories as (

    select
        month,
        sum(opened) as opened,
        sum(resolved) as resolved,
        sum(compensation) as compensation
    from {{ ref('complaint_handling') }}
    where category <> 'all'
    group by month

),

in_fact as (

    select
        {{ month_start('received_date') }} as month,
        count(*) as opened,
        count(case when is_resolved then 1 end) as resolved,
        coalesce(sum(net_compensation), 0) as compensation
    from {{ ref('fct_complaint') }}
    where received_date <= {{ as_of_date() }}
    group by {{ month_start('received_date') }}

)

select
    in_total.month,
    in_total.opened,
    in_categories.opened as opened_in_categories,
    in_fact.opened as opened_in_fact,
    in_total.resolved,
    in_fact.resolved as resolved_in_fact,
    in_total.compensation,
    in_fact.compensation as compensation_in_fact
from in_total
full outer join in_categories on in_total.month = in_categories.month
full outer join in_fact on in_total.month = in_fact.month
where
    in_total.month is null
    or in_categories.month is null
    or in_fact.month is null
    or in_total.opened <> in_categories.opened
    or in_total.opened <> in_fact.opened
    or in_total.resolved <> in_categories.resolved
    or in_total.resolved <> in_fact.resolved
    or in_total.compensation <> in_categories.compensation
    or in_total.compensation <> in_fact.compensation
