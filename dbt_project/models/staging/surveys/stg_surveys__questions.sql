with source as (

    select * from {{ latest_versions(source('surveys', 'questions')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('survey_id') }} as survey_id,
        {{ clean_text('question_id') }} as question_id,

        -- text
        {{ clean_text('question_text') }} as question_text,
        coalesce({{ clean_slug('construct') }}, 'other') as construct,
        'surveys' as source,

        -- numerics
        question_number,
        scale_min,
        scale_max,

        -- booleans
        is_reversed,

        -- times
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
