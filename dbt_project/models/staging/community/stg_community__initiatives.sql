with source as (

    select *
    from {{ latest_versions(source('community', 'initiatives'), native_key='initiative_id') }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('initiative_id') }} as initiative_id,
        {{ clean_text('product_id') }} as product_id,
        {{ clean_text('owner_employee_id') }} as owner_employee_id,

        -- text
        {{ clean_text('initiative_name') }} as initiative_name,
        {{ clean_slug('style') }} as style,
        coalesce({{ clean_code('status') }}, 'running') as status,
        'community' as source,

        -- times
        started_on,
        ended_on,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
