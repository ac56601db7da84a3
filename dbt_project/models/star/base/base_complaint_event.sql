{{ config(unique_key='occurred_month') }}
{% set columns = [
    'row_key', 'event_id', 'complaint_id', 'event_type', 'employee_id', 'channel', 'occurred_at', 'occurred_date',
    'source', 'known_on'
] %}

-- Grain: one row per step in the handling of a complaint; a month without steps keeps one empty row.

with complaint_events as (

    select * from {{ ref('stg_complaints__complaint_events') }}

),

dated as (

    select
        complaint_events.row_key,
        complaint_events.event_id,
        complaint_events.complaint_id,
        complaint_events.event_type,
        complaint_events.employee_id,
        complaint_events.channel,
        complaint_events.occurred_at,
        complaint_events.occurred_date,
        complaint_events.source,
        complaint_events.known_on
    from complaint_events

),

latest_rows as (

    select
        dated.*,
        {{ month_start("coalesce(dated.occurred_date, date '1900-01-01')") }} as occurred_month
    from dated

),

{{ reload_changed_months('latest_rows', 'occurred_month', columns) }}
