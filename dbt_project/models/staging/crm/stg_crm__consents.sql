with source as (

    select * from {{ latest_versions(source('crm', 'consents')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('customer_id') }} as customer_id,

        -- text
        {{ clean_code('purpose') }} as purpose,
        {{ clean_code('channel') }} as channel,
        'crm' as source,

        -- booleans
        is_granted,

        -- times
        stated_at,
        {{ local_date('stated_at') }} as stated_date,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
