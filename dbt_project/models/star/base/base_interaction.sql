{{ config(unique_key='interaction_month') }}
{% set columns = [
    'row_key', 'interaction_id', 'customer_ref', 'employee_id', 'channel', 'direction', 'subject',
    'mood', 'duration_seconds', 'started_at', 'started_date', 'source', 'known_on'
] %}

-- Grain: one row per contact with a customer; a month without contacts keeps one empty row.
-- Where only the contact person is known, the customer is the company that the person works for.

with interactions as (

    select * from {{ ref('stg_crm__interactions') }}

),

contacts as (

    select * from {{ ref('stg_crm__contacts') }}

),

dated as (

    select
        interactions.row_key,
        interactions.interaction_id,
        coalesce(interactions.customer_id, contacts.customer_id) as customer_ref,
        interactions.employee_id,
        interactions.channel,
        interactions.direction,
        interactions.subject,
        interactions.mood,
        interactions.duration_seconds,
        interactions.started_at,
        interactions.started_date,
        interactions.source,
        {{ later_date('interactions.known_on', 'contacts.known_on') }} as known_on
    from interactions
    left join contacts on interactions.contact_id = contacts.contact_id

),

latest_rows as (

    select
        dated.*,
        {{ month_start("coalesce(dated.started_date, date '1900-01-01')") }} as interaction_month
    from dated

),

{{ reload_changed_months('latest_rows', 'interaction_month', columns) }}
