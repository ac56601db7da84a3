with source as (

    select * from {{ latest_versions(source('crm', 'targets')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,

        -- text
        {{ clean_code('indicator') }} as indicator,
        {{ clean_text('unit') }} as unit,
        'crm' as source,

        -- numerics
        target_value,

        -- times
        month,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
