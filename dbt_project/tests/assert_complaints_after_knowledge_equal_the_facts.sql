-- By another road: for each customer's delivery, whether the next complaint comes within 7 days.

with events as (

    select
        customer_key,
        delivered_at as occurred_at,
        0 as is_complaint
    from {{ ref('fct_knowledge_delivery') }}
    where customer_key is not null and delivered_date <= {{ as_of_date() }}

    union all

    select
        customer_key,
        received_at as occurred_at,
        1 as is_complaint
    from {{ ref('fct_complaint') }}
    where customer_key is not null and received_date <= {{ as_of_date() }}

),

-- A complaint at the very moment of a delivery comes before it.
followed as (

    select
        is_complaint,
        occurred_at,
        min(case when is_complaint = 1 then occurred_at end) over (
            partition by customer_key
            order by occurred_at asc, is_complaint desc
            rows between 1 following and unbounded following
        ) as next_complaint_at
    from events

),

in_facts as (

    select
        coalesce(
            sum(case when {{ seconds_between('occurred_at', 'next_complaint_at') }} <= 604800 then 1 end), 0
        ) as complaints_after_7d
    from followed
    where is_complaint = 0

),

in_mart as (

    select coalesce(sum(complaints_after_7d), 0) as complaints_after_7d from {{ ref('knowledge_reach') }}

)

select
    in_mart.complaints_after_7d,
    in_facts.complaints_after_7d as complaints_after_7d_in_facts
from in_mart
cross join in_facts
where in_mart.complaints_after_7d <> in_facts.complaints_after_7d
