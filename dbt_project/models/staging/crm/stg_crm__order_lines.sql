with source as (

    select * from {{ latest_versions(source('crm', 'order_lines')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('order_id') }} as order_id,
        {{ clean_text('line_number') }} as line_number,
        {{ clean_text('product_id') }} as product_id,

        -- text
        {{ clean_currency('currency_code') }} as currency_code,
        'crm' as source,

        -- numerics
        quantity,
        unit_price,
        discount_amount,
        unit_cost,

        -- times
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
