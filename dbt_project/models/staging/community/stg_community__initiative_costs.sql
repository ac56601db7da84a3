with source as (

    select * from {{ latest_versions(source('community', 'initiative_costs')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('initiative_id') }} as initiative_id,

        -- text
        {{ clean_code('cost_kind') }} as cost_kind,
        coalesce({{ clean_currency('currency_code') }}, {{ reporting_currency() }}) as currency_code,
        'community' as source,

        -- numerics
        amount,

        -- times
        month,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
