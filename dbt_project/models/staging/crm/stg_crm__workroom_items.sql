with source as (

    select * from {{ latest_versions(source('crm', 'workroom_items')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('item_id') }} as item_id,
        {{ clean_text('customer_id') }} as customer_id,
        {{ clean_text('owner_employee_id') }} as owner_employee_id,

        -- text
        {{ clean_code('item_type') }} as item_type,
        {{ clean_text('title') }} as title,
        {{ clean_code('status') }} as status,
        'crm' as source,

        -- times
        opened_at,
        {{ local_date('opened_at') }} as opened_date,
        due_on,
        closed_at,
        {{ local_date('closed_at') }} as closed_date,
        ends_on,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
