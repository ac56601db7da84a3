with source as (

    select * from {{ latest_versions(source('complaints', 'complaint_events')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('event_id') }} as event_id,
        {{ clean_text('complaint_id') }} as complaint_id,
        {{ clean_text('employee_id') }} as employee_id,

        -- text
        {{ clean_slug('event_type') }} as event_type,
        {{ clean_code('channel') }} as channel,
        {{ clean_text('note') }} as note,
        'complaints' as source,

        -- times
        occurred_at,
        {{ local_date('occurred_at') }} as occurred_date,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
