with source as (

    select * from {{ latest_versions(source('crm', 'orders'), native_key='order_id') }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('order_id') }} as order_id,
        {{ clean_text('customer_id') }} as customer_id,
        {{ clean_text('employee_id') }} as employee_id,

        -- text
        coalesce({{ clean_code('order_type') }}, 'sale') as order_type,
        case
            when {{ clean_code('status') }} = 'canceled' then 'cancelled'
            else coalesce({{ clean_code('status') }}, 'completed')
        end as status,
        {{ clean_code('channel') }} as channel,
        coalesce({{ clean_currency('currency_code') }}, {{ reporting_currency() }}) as currency_code,
        'crm' as source,

        -- times
        ordered_at,
        {{ local_date('ordered_at') }} as ordered_date,
        promised_on,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
