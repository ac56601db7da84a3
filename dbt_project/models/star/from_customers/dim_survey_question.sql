{{ config(materialized='table') }}

-- Grain: one row per question of a survey. One that only answers know has is_listed false: no orphans.
-- The recommendation question is asked from 0 to 10 where its scale is not stated.

with questions as (

    select * from {{ ref('stg_surveys__questions') }}

),

surveys as (

    select * from {{ ref('stg_surveys__surveys') }}

),

base_survey_answer as (

    select * from {{ ref('base_survey_answer') }}

),

unlisted as (

    select distinct
        base_survey_answer.source,
        base_survey_answer.survey_id,
        base_survey_answer.question_id
    from base_survey_answer
    where
        base_survey_answer.survey_id is not null
        and not exists (
            select 1
            from questions
            where
                questions.survey_id = base_survey_answer.survey_id
                and questions.question_id = base_survey_answer.question_id
        )

),

all_questions as (

    select
        source,
        survey_id,
        question_id,
        question_text,
        construct,
        question_number,
        coalesce(scale_min, case when construct = 'nps' then 0 end) as scale_min,
        coalesce(scale_max, case when construct = 'nps' then 10 end) as scale_max,
        coalesce(is_reversed, false) as is_reversed,
        true as is_listed,
        known_on
    from questions

    union all

    select
        source,
        survey_id,
        question_id,
        cast(null as string) as question_text,
        cast(null as string) as construct,
        cast(null as bigint) as question_number,
        cast(null as decimal(18, 6)) as scale_min,
        cast(null as decimal(18, 6)) as scale_max,
        false as is_reversed,
        false as is_listed,
        cast(null as date) as known_on
    from unlisted

),

keyed as (

    select
        {{ surrogate_key(
            'all_questions.source', 'questions', "all_questions.survey_id || '|' || all_questions.question_id"
        ) }} as question_key,
        all_questions.survey_id,
        all_questions.question_id,
        all_questions.is_reversed,
        all_questions.is_listed,
        all_questions.question_number,
        all_questions.scale_min,
        all_questions.scale_max,
        all_questions.question_text,
        all_questions.construct,
        surveys.survey_name,
        surveys.survey_type,
        all_questions.source,
        all_questions.known_on
    from all_questions
    left join surveys on all_questions.survey_id = surveys.survey_id

)

select * from keyed
