with source as (

    select * from {{ latest_versions(source('surveys', 'answers')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('response_id') }} as response_id,
        {{ clean_text('question_id') }} as question_id,

        -- text
        {{ clean_text('answer_text') }} as answer_text,
        'surveys' as source,

        -- numerics
        answer_value,

        -- times
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
