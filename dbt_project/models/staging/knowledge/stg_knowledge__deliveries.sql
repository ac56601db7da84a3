with source as (

    select * from {{ latest_versions(source('knowledge', 'deliveries')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('delivery_id') }} as delivery_id,
        {{ clean_text('article_id') }} as article_id,
        {{ clean_text('customer_id') }} as customer_id,
        {{ clean_text('reader_id') }} as reader_id,
        {{ clean_text('search_id') }} as search_id,
        {{ clean_text('complaint_id') }} as complaint_id,
        {{ clean_text('employee_id') }} as employee_id,

        -- text
        {{ clean_text('full_name') }} as full_name,
        {{ clean_text('email') }} as email,
        {{ clean_code('delivery_mode') }} as delivery_mode,
        'knowledge' as source,

        -- numerics
        read_seconds,

        -- booleans
        is_helpful,
        is_solved,

        -- times
        delivered_at,
        {{ local_date('delivered_at') }} as delivered_date,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        first_known_on,
        known_on
    from source

)

select * from renamed
