with source as (

    select * from {{ latest_versions(source('surveys', 'surveys'), native_key='survey_id') }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('survey_id') }} as survey_id,

        -- text
        {{ clean_text('survey_name') }} as survey_name,
        {{ clean_code('survey_type') }} as survey_type,
        {{ clean_code('channel') }} as channel,
        'surveys' as source,

        -- times
        opened_on,
        closed_on,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
