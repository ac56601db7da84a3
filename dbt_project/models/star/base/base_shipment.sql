{{ config(unique_key='shipment_month') }}
{% set columns = [
    'row_key', 'shipment_id', 'order_id', 'customer_ref', 'carrier', 'status', 'failed_attempts',
    'promised_on', 'shipped_at', 'shipped_date', 'delivered_at', 'delivered_date', 'shipment_date',
    'source', 'known_on'
] %}

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

{{ reload_changed_months('latest_rows', 'shipment_month', columns) }}
