with source as (

    select * from {{ latest_versions(source('crm', 'interactions')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('interaction_id') }} as interaction_id,
        {{ clean_text('customer_id') }} as customer_id,
        {{ clean_text('contact_id') }} as contact_id,
        {{ clean_text('employee_id') }} as employee_id,

        -- text
        {{ clean_code('channel') }} as channel,
        {{ clean_code('direction') }} as direction,
        {{ clean_code('subject') }} as subject,
        {{ clean_text('note') }} as note,
        {{ clean_code('mood') }} as mood,
        'crm' as source,

        -- numerics
        duration_seconds,

        -- times
        started_at,
        {{ local_date('started_at') }} as started_date,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
