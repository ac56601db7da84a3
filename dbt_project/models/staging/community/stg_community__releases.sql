with source as (

    select * from {{ latest_versions(source('community', 'releases')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('release_id') }} as release_id,
        {{ clean_text('initiative_id') }} as initiative_id,
        {{ clean_text('product_id') }} as product_id,

        -- text
        {{ clean_text('release_name') }} as release_name,
        {{ clean_code('release_kind') }} as release_kind,
        'community' as source,

        -- times
        released_on,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
