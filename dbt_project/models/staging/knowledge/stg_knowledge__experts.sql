with source as (

    select * from {{ latest_versions(source('knowledge', 'experts'), native_key='expert_id') }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('expert_id') }} as expert_id,
        {{ clean_text('employee_id') }} as employee_id,

        -- text
        {{ clean_text('full_name') }} as full_name,
        {{ clean_code('expertise') }} as expertise,
        'knowledge' as source,

        -- booleans
        is_external,

        -- times
        joined_on,
        left_on,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
