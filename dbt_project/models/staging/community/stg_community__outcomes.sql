with source as (

    select * from {{ latest_versions(source('community', 'outcomes')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('initiative_id') }} as initiative_id,

        -- text
        {{ clean_code('outcome_kind') }} as outcome_kind,
        coalesce({{ clean_currency('currency_code') }}, {{ reporting_currency() }}) as currency_code,
        {{ clean_text('unit') }} as unit,
        'community' as source,

        -- numerics
        amount,
        measured_value,

        -- times
        month,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
