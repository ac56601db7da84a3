{{ config(unique_key='interaction_month') }}
{% set row_changes = ref('stg_crm__row_changes') %}

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
        contacts.row_key as contact_row_key,
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

{{ months_to_reload(
    'latest_rows',
    'interaction_month',
    row_changes,
    {'row_key': 'interactions', 'contact_row_key': 'contacts'}
) }},

reloaded as (

    select
        reload_months.interaction_month,
        latest_rows.row_key,
        latest_rows.contact_row_key,
        latest_rows.interaction_id,
        latest_rows.customer_ref,
        latest_rows.employee_id,
        latest_rows.channel,
        latest_rows.direction,
        latest_rows.subject,
        latest_rows.mood,
        latest_rows.duration_seconds,
        latest_rows.started_at,
        latest_rows.started_date,
        latest_rows.source,
        latest_rows.known_on
    from reload_months
    left join latest_rows on reload_months.interaction_month = latest_rows.interaction_month

)

select * from reloaded
