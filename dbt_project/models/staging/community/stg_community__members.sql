with source as (

    select * from {{ latest_versions(source('community', 'members'), native_key='member_id') }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('member_id') }} as member_id,
        {{ clean_text('customer_id') }} as customer_id,

        -- text
        {{ clean_text('nickname') }} as nickname,
        {{ clean_text('full_name') }} as full_name,
        {{ clean_text('company_name') }} as company_name,
        {{ clean_text('email') }} as email,
        {{ clean_text('country') }} as country,
        'community' as source,

        -- numerics
        birth_year,

        -- times
        joined_at,
        {{ local_date('joined_at') }} as joined_date,
        left_at,
        {{ local_date('left_at') }} as left_date,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        first_known_on,
        known_on
    from source

)

select * from renamed
