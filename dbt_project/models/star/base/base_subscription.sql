{{ config(unique_key='start_month') }}
{% set columns = [
    'row_key', 'subscription_id', 'customer_ref', 'product_id', 'status', 'monthly_fee',
    'currency_code', 'started_on', 'ends_on', 'cancelled_on', 'source', 'known_on'
] %}

-- Grain: one row per subscription or contract with a term; a month without any keeps one empty row.

with subscriptions as (

    select * from {{ ref('stg_crm__subscriptions') }}

),

dated as (

    select
        subscriptions.row_key,
        subscriptions.subscription_id,
        subscriptions.customer_id as customer_ref,
        subscriptions.product_id,
        subscriptions.status,
        subscriptions.monthly_fee,
        subscriptions.currency_code,
        subscriptions.started_on,
        subscriptions.ends_on,
        subscriptions.cancelled_on,
        subscriptions.source,
        subscriptions.known_on
    from subscriptions

),

latest_rows as (

    select
        dated.*,
        {{ month_start("coalesce(dated.started_on, date '1900-01-01')") }} as start_month
    from dated

),

{{ reload_changed_months('latest_rows', 'start_month', columns) }}
