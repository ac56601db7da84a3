{{ config(materialized='table') }}

-- Grain: one row per complaint in its latest state (accumulating snapshot); the text of it stays private.
-- Resolved: called resolved or closed, not only after the as-of date. Rejected is neither resolved nor open.
-- Answered: resolved, else closed. An open complaint breaches when its day of answer has passed.
-- Solved at first contact: never reopened or escalated, one talk with the customer at most, not handed on.
-- Recurrence: the customer complained about the same category in the 90 days before; no category is one, too.
-- A table, unlike other facts with a customer: it looks back over all history, and other facts read it.

with base_complaint as (

    select * from {{ ref('base_complaint') }}

),

base_complaint_event as (

    select * from {{ ref('base_complaint_event') }}

),

base_exchange_rate as (

    select * from {{ ref('base_exchange_rate') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

handling as (

    select
        complaint_id,
        count(*) as event_count,
        cast(sum(case when event_type = 'contacted' then 1 else 0 end) as bigint) as contact_count,
        cast(sum(case when event_type = 'escalated' then 1 else 0 end) as bigint) as escalated_count,
        cast(sum(case when event_type = 'reopened' then 1 else 0 end) as bigint) as reopened_count,
        max(known_on) as known_on
    from base_complaint_event
    where row_key is not null and occurred_date <= {{ as_of_date() }}
    group by complaint_id

),

-- Compensation takes the rate of the day of resolution, else of receipt; a day to come takes the latest one.
known as (

    select
        base_complaint.*,
        {{ resolved_customer_key() }} as customer_key,
        base_complaint.status in ('resolved', 'closed')
        and coalesce(base_complaint.resolved_date <= {{ as_of_date() }}, true) as is_resolved,
        case
            when coalesce(base_complaint.resolved_date, base_complaint.closed_date) <= {{ as_of_date() }}
                then coalesce(base_complaint.resolved_at, base_complaint.closed_at)
        end as answered_at,
        base_complaint.currency_code = {{ reporting_currency() }} as is_in_reporting_currency,
        base_exchange_rate.rate_to_reporting
    from base_complaint
    {{ customer_joins('base_complaint', 'complainants') }}
    left join base_exchange_rate
        on
            base_complaint.currency_code = base_exchange_rate.currency_code
            and case
                when coalesce(base_complaint.resolved_date, base_complaint.received_date) > {{ as_of_date() }}
                    then {{ as_of_date() }}
                else coalesce(base_complaint.resolved_date, base_complaint.received_date)
            end = base_exchange_rate.rate_date
    where base_complaint.row_key is not null

),

judged as (

    select
        known.*,
        known.status <> 'rejected' and not known.is_resolved as is_open,
        case
            when known.is_resolved then known.received_by_employee_id = known.resolved_by_employee_id
        end as is_solved_by_receiver,
        lag(known.received_date) over (
            partition by known.customer_key, known.category order by known.received_at asc, known.row_key asc
        ) as received_date_before,
        coalesce(handling.event_count, 0) as event_count,
        coalesce(handling.contact_count, 0) as contact_count,
        coalesce(handling.escalated_count, 0) as escalated_count,
        coalesce(handling.reopened_count, 0) as reopened_count,
        {{ later_date('known.known_on', 'handling.known_on') }} as handling_known_on
    from known
    left join handling on known.complaint_id = handling.complaint_id

),

complaints as (

    select
        {{ surrogate_key('judged.source', 'complaints', 'judged.row_key') }} as complaint_key,
        judged.customer_key,
        {{ surrogate_key("'crm'", 'orders', 'judged.order_id') }} as order_key,
        {{ surrogate_key("'crm'", 'products', 'judged.product_id') }} as product_key,
        md5('complaint_category|' || coalesce(judged.category, '') || '|' || coalesce(judged.subcategory, ''))
            as category_key,
        md5('channel|' || judged.channel) as channel_key,
        {{ surrogate_key("'crm'", 'employees', 'judged.received_by_employee_id') }}
            as received_by_employee_key,
        {{ surrogate_key("'crm'", 'employees', 'judged.owner_employee_id') }} as owner_employee_key,
        {{ surrogate_key("'crm'", 'employees', 'judged.resolved_by_employee_id') }}
            as resolved_by_employee_key,
        {{ date_key('judged.received_date') }} as received_date_key,
        {{ date_key('judged.first_action_date') }} as first_action_date_key,
        {{ date_key('judged.resolved_date') }} as resolved_date_key,
        {{ date_key('judged.closed_date') }} as closed_date_key,
        judged.complaint_id,
        judged.order_id,
        judged.is_open,
        judged.is_resolved,
        judged.is_solved_by_receiver,
        case
            when judged.is_resolved and judged.event_count > 0
                then
                    judged.reopened_count = 0
                    and judged.escalated_count = 0
                    and judged.contact_count <= 1
                    and coalesce(judged.is_solved_by_receiver, true)
        end as is_first_contact_resolution,
        -- what the system says goes first; unknown without a day of answer, or before it while there is none
        case
            when judged.is_timely is not null then not judged.is_timely
            when judged.answered_at is not null then judged.answered_at > judged.due_at
            when judged.is_open and judged.due_date <= {{ as_of_date() }} then true
        end as is_sla_breached,
        judged.is_disputed,
        case
            when judged.customer_key is not null
                then
                    coalesce(
                        {{ days_between('judged.received_date_before', 'judged.received_date') }} <= 90, false
                    )
        end as is_recurrence,
        case
            when judged.first_action_date <= {{ as_of_date() }}
                then
                    cast({{ seconds_between('judged.received_at', 'judged.first_action_at') }} as double) / 60
        end as minutes_to_first_action,
        case
            when judged.is_resolved then {{ business_hours('judged.received_at', 'judged.resolved_at') }}
        end as business_hours_to_resolve,
        case
            when judged.is_resolved
                then
                    cast({{ seconds_between('judged.received_at', 'judged.resolved_at') }} as double) / 3600
        end as hours_to_resolve,
        judged.event_count,
        judged.contact_count,
        judged.reopened_count,
        judged.compensation_amount,
        case
            when judged.is_in_reporting_currency then judged.compensation_amount
            else cast(judged.compensation_amount * judged.rate_to_reporting as decimal(18, 4))
        end as net_compensation,
        judged.currency_code,
        judged.priority,
        judged.status,
        judged.resolution,
        judged.root_cause,
        judged.category,
        judged.subcategory,
        judged.channel,
        judged.received_at,
        judged.received_date,
        judged.first_action_at,
        judged.first_action_date,
        judged.due_at,
        judged.due_date,
        judged.resolved_at,
        judged.resolved_date,
        judged.closed_at,
        judged.closed_date,
        judged.source,
        judged.handling_known_on as known_on
    from judged

)

select * from complaints
