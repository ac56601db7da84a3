{{ config(unique_key='shipment_month') }}
{% set row_changes = ref('stg_crm__row_changes') %}

-- Grain: one row per shipment, with the customer of its order; a month without shipments keeps one empty row.
-- Month: of the day it left, else arrived, else was promised, else last changed.

with shipments as (

    select * from {{ ref('stg_crm__shipments') }}

),

orders as (

    select * from {{ ref('stg_crm__orders') }}

),

dated as (

    select
        shipments.row_key,
        orders.row_key as order_row_key,
        shipments.shipment_id,
        shipments.order_id,
        orders.customer_id as customer_ref,
        shipments.carrier,
        shipments.status,
        shipments.failed_attempts,
        coalesce(shipments.promised_on, orders.promised_on) as promised_on,
        shipments.shipped_at,
        shipments.shipped_date,
        shipments.delivered_at,
        shipments.delivered_date,
        coalesce(
            shipments.shipped_date,
            shipments.delivered_date,
            shipments.promised_on,
            orders.promised_on,
            shipments.updated_date
        ) as shipment_date,
        shipments.source,
        {{ later_date('shipments.known_on', 'orders.known_on') }} as known_on
    from shipments
    left join orders on shipments.order_id = orders.order_id

),

latest_rows as (

    select
        dated.*,
        {{ month_start("coalesce(dated.shipment_date, date '1900-01-01')") }} as shipment_month
    from dated

),

{{ months_to_reload(
    'latest_rows',
    'shipment_month',
    row_changes,
    {'row_key': 'shipments', 'order_row_key': 'orders'}
) }},

reloaded as (

    select
        reload_months.shipment_month,
        latest_rows.row_key,
        latest_rows.order_row_key,
        latest_rows.shipment_id,
        latest_rows.order_id,
        latest_rows.customer_ref,
        latest_rows.carrier,
        latest_rows.status,
        latest_rows.failed_attempts,
        latest_rows.promised_on,
        latest_rows.shipped_at,
        latest_rows.shipped_date,
        latest_rows.delivered_at,
        latest_rows.delivered_date,
        latest_rows.shipment_date,
        latest_rows.source,
        latest_rows.known_on
    from reload_months
    left join latest_rows on reload_months.shipment_month = latest_rows.shipment_month

)

select * from reloaded
