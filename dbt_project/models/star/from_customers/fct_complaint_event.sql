-- Grain: one row per step in the handling of a complaint, with its customer; the note stays private.
-- A step of a complaint that is not known, because it came late or was set aside, has no complaint_key.

with base_complaint_event as (

    select * from {{ ref('base_complaint_event') }}

),

fct_complaint as (

    select * from {{ ref('fct_complaint') }}

),

complaint_events as (

    select
        {{ surrogate_key('base_complaint_event.source', 'complaint_events', 'base_complaint_event.row_key') }}
            as complaint_event_key,
        fct_complaint.complaint_key,
        fct_complaint.customer_key,
        {{ surrogate_key("'crm'", 'employees', 'base_complaint_event.employee_id') }} as employee_key,
        md5('channel|' || base_complaint_event.channel) as channel_key,
        {{ date_key('base_complaint_event.occurred_date') }} as occurred_date_key,
        base_complaint_event.event_id,
        base_complaint_event.complaint_id,
        base_complaint_event.event_type,
        base_complaint_event.channel,
        base_complaint_event.occurred_at,
        base_complaint_event.occurred_date,
        base_complaint_event.source,
        base_complaint_event.known_on
    from base_complaint_event
    left join fct_complaint on base_complaint_event.complaint_id = fct_complaint.complaint_id
    where base_complaint_event.row_key is not null

)

select * from complaint_events
