-- The business hours of a complaint, summed day by day over the calendar, are those of the closed formula.
-- Only the complaints of the last 92 days, so that the test does not grow with history.

with complaints as (

    select
        complaint_id,
        received_date,
        resolved_date,
        business_hours_to_resolve,
        {{ local_timestamp('received_at') }} as received_clock,
        {{ local_timestamp('resolved_at') }} as resolved_clock
    from {{ ref('fct_complaint') }}
    where
        business_hours_to_resolve is not null
        and resolved_at >= received_at
        and received_date > {{ add_days(as_of_date(), -92) }}

),

dim_date as (

    select calendar_date from {{ ref('dim_date') }}
    where not is_weekend

),

opening_times as (

    select
        complaints.complaint_id,
        least(
            {{ seconds_between('cast(dim_date.calendar_date as timestamp)', 'complaints.resolved_clock') }},
            {{ var('business_day_end_hour') * 3600 }}
        ) as last_second,
        greatest(
            {{ seconds_between('cast(dim_date.calendar_date as timestamp)', 'complaints.received_clock') }},
            {{ var('business_day_start_hour') * 3600 }}
        ) as first_second
    from complaints
    inner join dim_date
        on
            complaints.received_date <= dim_date.calendar_date
            and complaints.resolved_date >= dim_date.calendar_date

),

by_day as (

    select
        complaint_id,
        sum(greatest(last_second - first_second, 0)) as business_seconds
    from opening_times
    group by complaint_id

)

select
    complaints.complaint_id,
    complaints.business_hours_to_resolve,
    by_day.business_seconds
from complaints
left join by_day on complaints.complaint_id = by_day.complaint_id
where abs(complaints.business_hours_to_resolve * 3600 - coalesce(by_day.business_seconds, 0)) > 0.5
