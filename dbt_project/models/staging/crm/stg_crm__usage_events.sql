with source as (

    select * from {{ latest_versions(source('crm', 'usage_events')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('usage_id') }} as usage_id,
        {{ clean_text('customer_id') }} as customer_id,
        {{ clean_text('product_id') }} as product_id,

        -- text
        {{ clean_text('feature') }} as feature,
        {{ clean_text('unit') }} as unit,
        'crm' as source,

        -- numerics
        quantity,

        -- times
        used_at,
        {{ local_date('used_at') }} as used_date,
        known_on
    from source

)

select * from renamed
