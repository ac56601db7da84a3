with source as (

    select * from {{ latest_versions(source('crm', 'shipments')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('shipment_id') }} as shipment_id,
        {{ clean_text('order_id') }} as order_id,

        -- text
        {{ clean_text('carrier') }} as carrier,
        {{ clean_code('status') }} as status,
        'crm' as source,

        -- numerics
        failed_attempts,

        -- times
        shipped_at,
        {{ local_date('shipped_at') }} as shipped_date,
        promised_on,
        delivered_at,
        {{ local_date('delivered_at') }} as delivered_date,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
