-- Grain: one row per shipment; the customer is the order's.

with base_shipment as (

    select * from {{ ref('base_shipment') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

shipments as (

    select
        {{ surrogate_key('base_shipment.source', 'shipments', 'base_shipment.row_key') }} as shipment_key,
        {{ surrogate_key('base_shipment.source', 'orders', 'base_shipment.order_id') }} as order_key,
        customer_identity.customer_key,
        {{ date_key('base_shipment.shipment_date') }} as shipment_date_key,
        {{ date_key('base_shipment.delivered_date') }} as delivered_date_key,
        base_shipment.shipment_id,
        base_shipment.order_id,
        coalesce(base_shipment.status = 'failed', false) as is_failed,
        base_shipment.failed_attempts,
        -- negative where it came early; null until it arrives or where nothing was promised
        {{ days_between('base_shipment.promised_on', 'base_shipment.delivered_date') }} as days_late,
        base_shipment.carrier,
        base_shipment.status,
        base_shipment.shipped_at,
        base_shipment.shipped_date,
        base_shipment.promised_on,
        base_shipment.delivered_at,
        base_shipment.delivered_date,
        base_shipment.shipment_date,
        base_shipment.source,
        base_shipment.known_on
    from base_shipment
    left join customer_identity
        on
            base_shipment.source = customer_identity.source
            and customer_identity.object = 'customers'
            and base_shipment.customer_ref = customer_identity.native_id
    where base_shipment.row_key is not null

)

select * from shipments
