with source as (

    select * from {{ latest_versions(source('community', 'contributions')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('contribution_id') }} as contribution_id,
        {{ clean_text('initiative_id') }} as initiative_id,
        {{ clean_text('member_id') }} as member_id,
        {{ clean_text('release_id') }} as release_id,

        -- text
        {{ clean_slug('contribution_type') }} as contribution_type,
        {{ clean_text('contribution_text') }} as contribution_text,
        coalesce({{ clean_code('status') }}, 'submitted') as status,
        'community' as source,

        -- numerics
        votes,
        hours,

        -- times
        contributed_at,
        {{ local_date('contributed_at') }} as contributed_date,
        adopted_on,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        first_known_on,
        known_on
    from source

)

select * from renamed
