with source as (

    select * from {{ latest_versions(source('community', 'ip_shares')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('ip_share_id') }} as ip_share_id,
        {{ clean_text('initiative_id') }} as initiative_id,
        {{ clean_text('member_id') }} as member_id,

        -- text
        {{ clean_slug('ip_kind') }} as ip_kind,
        coalesce({{ clean_currency('currency_code') }}, {{ reporting_currency() }}) as currency_code,
        'community' as source,

        -- numerics
        member_share,
        value_amount,

        -- times
        granted_on,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
