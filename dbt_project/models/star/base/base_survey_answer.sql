{{ config(unique_key='responded_month') }}
{% set columns = [
    'row_key', 'response_id', 'survey_id', 'question_id', 'answer_value', 'responded_date', 'source', 'known_on'
] %}

-- Grain: one row per answer to a question, with its response's survey and day; a month without any keeps one
-- empty row. An answer whose response is not known has no survey and stands in the month 1900-01.

with answers as (

    select * from {{ ref('stg_surveys__answers') }}

),

responses as (

    select * from {{ ref('stg_surveys__responses') }}

),

dated as (

    select
        answers.row_key,
        answers.response_id,
        responses.survey_id,
        answers.question_id,
        answers.answer_value,
        responses.responded_date,
        answers.source,
        {{ later_date('answers.known_on', 'responses.known_on') }} as known_on
    from answers
    left join responses on answers.response_id = responses.response_id

),

latest_rows as (

    select
        dated.*,
        {{ month_start("coalesce(dated.responded_date, date '1900-01-01')") }} as responded_month
    from dated

),

{{ reload_changed_months('latest_rows', 'responded_month', columns) }}
