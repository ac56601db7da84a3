{{ config(unique_key='delivered_month') }}
{% set columns = [
    'row_key', 'delivery_id', 'article_id', 'customer_ref', 'person_ref', 'search_id', 'complaint_id',
    'employee_id', 'delivery_mode', 'read_seconds', 'is_helpful', 'is_solved', 'delivered_at',
    'delivered_date', 'source', 'known_on'
] %}

-- Grain: one row per time that an article reached a person; a month without any keeps one empty row.

with deliveries as (

    select * from {{ ref('stg_knowledge__deliveries') }}

),

dated as (

    select
        deliveries.row_key,
        deliveries.delivery_id,
        deliveries.article_id,
        deliveries.customer_id as customer_ref,
        deliveries.reader_id as person_ref,
        deliveries.search_id,
        deliveries.complaint_id,
        deliveries.employee_id,
        deliveries.delivery_mode,
        deliveries.read_seconds,
        deliveries.is_helpful,
        deliveries.is_solved,
        deliveries.delivered_at,
        deliveries.delivered_date,
        deliveries.source,
        deliveries.known_on
    from deliveries

),

latest_rows as (

    select
        dated.*,
        {{ month_start("coalesce(dated.delivered_date, date '1900-01-01')") }} as delivered_month
    from dated

),

{{ reload_changed_months('latest_rows', 'delivered_month', columns) }}
