with source as (

    select * from {{ latest_versions(source('crm', 'products'), native_key='product_id') }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('product_id') }} as product_id,

        -- text
        {{ clean_text('product_name') }} as product_name,
        {{ clean_text('category') }} as category,
        {{ clean_code('product_kind') }} as product_kind,
        coalesce({{ clean_currency('currency_code') }}, {{ reporting_currency() }}) as currency_code,
        'crm' as source,

        -- numerics
        list_price,
        unit_cost,

        -- booleans
        is_active,

        -- times
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
