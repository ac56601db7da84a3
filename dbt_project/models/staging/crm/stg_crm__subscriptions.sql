with source as (

    select * from {{ latest_versions(source('crm', 'subscriptions')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('subscription_id') }} as subscription_id,
        {{ clean_text('customer_id') }} as customer_id,
        {{ clean_text('product_id') }} as product_id,

        -- text
        coalesce({{ clean_currency('currency_code') }}, {{ reporting_currency() }}) as currency_code,
        {{ clean_code('status') }} as status,
        'crm' as source,

        -- numerics
        monthly_fee,

        -- times
        started_on,
        ends_on,
        cancelled_on,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
