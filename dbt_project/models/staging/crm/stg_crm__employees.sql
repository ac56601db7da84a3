with source as (

    select * from {{ latest_versions(source('crm', 'employees'), native_key='employee_id') }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('employee_id') }} as employee_id,

        -- text
        {{ clean_text('full_name') }} as full_name,
        {{ clean_text('role') }} as role,
        {{ clean_text('department') }} as department,
        'crm' as source,

        -- times
        hired_on,
        left_on,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
