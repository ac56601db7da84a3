{{ config(unique_key='usage_month') }}
{% set row_changes = ref('stg_crm__row_changes') %}

-- Grain: one row per use of a product or service; a month without use keeps one empty row.

with usage_events as (

    select * from {{ ref('stg_crm__usage_events') }}

),

dated as (

    select
        usage_events.row_key,
        usage_events.usage_id,
        usage_events.customer_id as customer_ref,
        usage_events.product_id,
        usage_events.feature,
        usage_events.quantity,
        usage_events.unit,
        usage_events.used_at,
        usage_events.used_date,
        usage_events.source,
        usage_events.known_on
    from usage_events

),

latest_rows as (

    select
        dated.*,
        {{ month_start("coalesce(dated.used_date, date '1900-01-01')") }} as usage_month
    from dated

),

{{ months_to_reload('latest_rows', 'usage_month', row_changes, {'row_key': 'usage_events'}) }},

reloaded as (

    select
        reload_months.usage_month,
        latest_rows.row_key,
        latest_rows.usage_id,
        latest_rows.customer_ref,
        latest_rows.product_id,
        latest_rows.feature,
        latest_rows.quantity,
        latest_rows.unit,
        latest_rows.used_at,
        latest_rows.used_date,
        latest_rows.source,
        latest_rows.known_on
    from reload_months
    left join latest_rows on reload_months.usage_month = latest_rows.usage_month

)

select * from reloaded
