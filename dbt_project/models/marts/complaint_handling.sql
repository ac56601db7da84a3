-- Grain: one row per month in which complaints were received and category, the total 'all' included.
-- A complaint without a category, or with one that is called like the total, is 'unknown'.
-- What became of a complaint counts in the month in which it was received.
-- Complaints dated after the as-of date are not counted.

with fct_complaint as (

    select * from {{ ref('fct_complaint') }}

),

complaints as (

    select
        fct_complaint.*,
        {{ month_start('received_date') }} as month,
        coalesce(nullif(category, 'all'), 'unknown') as category_group
    from fct_complaint
    where received_date <= {{ as_of_date() }}

),

grouped as (

    select
        complaints.*,
        category_group as group_name
    from complaints

    union all

    select
        complaints.*,
        'all' as group_name
    from complaints

),

totals as (

    select
        month,
        group_name,
        count(*) as opened,
        cast(sum(case when is_resolved then 1 else 0 end) as bigint) as resolved,
        cast(sum(case when is_open then 1 else 0 end) as bigint) as still_open,
        {{ median('minutes_to_first_action') }} as median_minutes_to_first_action,
        {{ median('business_hours_to_resolve') }} as median_business_hours_to_resolve,
        cast(sum(case when is_solved_by_receiver then 1 else 0 end) as bigint) as solved_by_receiver,
        count(is_solved_by_receiver) as resolved_with_receiver,
        cast(sum(case when is_first_contact_resolution then 1 else 0 end) as bigint)
            as first_contact_resolutions,
        count(is_first_contact_resolution) as resolved_with_events,
        cast(sum(case when is_sla_breached then 1 else 0 end) as bigint) as sla_breaches,
        count(is_sla_breached) as with_sla,
        cast(sum(case when is_recurrence then 1 else 0 end) as bigint) as recurrences,
        count(is_recurrence) as with_customer,
        cast(sum(case when is_disputed then 1 else 0 end) as bigint) as disputed,
        cast(coalesce(sum(net_compensation), 0) as decimal(18, 4)) as compensation
    from grouped
    group by month, group_name

),

handling as (

    select
        {{ as_of_date() }} as as_of_date,
        month,
        group_name as category,
        opened,
        resolved,
        still_open,
        median_minutes_to_first_action,
        solved_by_receiver,
        resolved_with_receiver,
        {{ ratio('solved_by_receiver', 'resolved_with_receiver') }} as solved_by_receiver_rate,
        first_contact_resolutions,
        resolved_with_events,
        {{ ratio('first_contact_resolutions', 'resolved_with_events') }} as first_contact_resolution_rate,
        median_business_hours_to_resolve,
        sla_breaches,
        with_sla,
        {{ ratio('sla_breaches', 'with_sla') }} as sla_breach_rate,
        recurrences,
        with_customer,
        {{ ratio('recurrences', 'with_customer') }} as recurrence_rate,
        disputed,
        compensation,
        {{ reporting_currency() }} as currency_code
    from totals

)

select * from handling
