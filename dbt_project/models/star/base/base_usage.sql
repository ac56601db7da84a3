{{ config(unique_key='usage_month') }}
{% set columns = [
    'row_key', 'usage_id', 'customer_ref', 'product_id', 'feature', 'quantity', 'unit', 'used_at',
    'used_date', 'source', 'known_on'
] %}

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

{{ reload_changed_months('latest_rows', 'usage_month', columns) }}
