{{ config(unique_key='start_month') }}
{% set row_changes = ref('stg_crm__row_changes') %}

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

{{ months_to_reload('latest_rows', 'start_month', row_changes, {'row_key': 'subscriptions'}) }},

reloaded as (

    select
        reload_months.start_month,
        latest_rows.row_key,
        latest_rows.subscription_id,
        latest_rows.customer_ref,
        latest_rows.product_id,
        latest_rows.status,
        latest_rows.monthly_fee,
        latest_rows.currency_code,
        latest_rows.started_on,
        latest_rows.ends_on,
        latest_rows.cancelled_on,
        latest_rows.source,
        latest_rows.known_on
    from reload_months
    left join latest_rows on reload_months.start_month = latest_rows.start_month

)

select * from reloaded
