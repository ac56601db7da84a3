with source as (

    select * from {{ latest_versions(source('crm', 'contacts'), native_key='contact_id') }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('contact_id') }} as contact_id,
        {{ clean_text('customer_id') }} as customer_id,

        -- text
        {{ clean_text('first_name') }} as first_name,
        {{ clean_text('last_name') }} as last_name,
        {{ clean_text('email') }} as email,
        {{ clean_text('phone') }} as phone,
        {{ clean_text('role') }} as role,
        'crm' as source,

        -- booleans
        is_decision_maker,

        -- times
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        first_known_on,
        known_on
    from source

)

select * from renamed
