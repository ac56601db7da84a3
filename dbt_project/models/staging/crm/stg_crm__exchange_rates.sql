with source as (

    select * from {{ latest_versions(source('crm', 'exchange_rates')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,

        -- text
        {{ clean_currency('from_currency') }} as from_currency,
        {{ clean_currency('to_currency') }} as to_currency,
        'crm' as source,

        -- numerics
        rate,

        -- times
        rate_date,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
