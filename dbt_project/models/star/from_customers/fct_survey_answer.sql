-- Grain: one row per answer to one question of a response; an answer in words stays private.
-- scaled_value: 0 for the worst answer of the question's scale, 1 for the best; null outside the scale.

with base_survey_answer as (

    select * from {{ ref('base_survey_answer') }}

),

dim_survey_question as (

    select * from {{ ref('dim_survey_question') }}

),

fct_survey_response as (

    select * from {{ ref('fct_survey_response') }}

),

asked as (

    select
        base_survey_answer.*,
        dim_survey_question.question_key,
        dim_survey_question.scale_max - dim_survey_question.scale_min as scale_width,
        case
            when
                not base_survey_answer.answer_value between dim_survey_question.scale_min
                and dim_survey_question.scale_max
                then null
            when dim_survey_question.is_reversed
                then dim_survey_question.scale_max - base_survey_answer.answer_value
            else base_survey_answer.answer_value - dim_survey_question.scale_min
        end as steps_above_worst
    from base_survey_answer
    left join dim_survey_question
        on
            base_survey_answer.survey_id = dim_survey_question.survey_id
            and base_survey_answer.question_id = dim_survey_question.question_id
    where base_survey_answer.row_key is not null

),

answers as (

    select
        {{ surrogate_key('asked.source', 'answers', 'asked.row_key') }} as answer_key,
        fct_survey_response.response_key,
        asked.question_key,
        fct_survey_response.customer_key,
        {{ date_key('asked.responded_date') }} as responded_date_key,
        asked.response_id,
        asked.survey_id,
        asked.question_id,
        asked.answer_value,
        {{ ratio('asked.steps_above_worst', 'asked.scale_width') }} as scaled_value,
        asked.responded_date,
        asked.source,
        asked.known_on
    from asked
    left join fct_survey_response on asked.response_id = fct_survey_response.response_id

)

select * from answers
