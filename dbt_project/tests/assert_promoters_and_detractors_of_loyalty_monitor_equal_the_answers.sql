-- Promoters and detractors, told from the answers themselves on their own scale, are those of the mart.

with in_mart as (

    select
        coalesce(sum(promoters), 0) as promoters,
        coalesce(sum(detractors), 0) as detractors
    from {{ ref('loyalty_monitor') }}
    where segment = 'all'

),

fct_survey_response as (

    select * from {{ ref('fct_survey_response') }}
    where responded_date is null or responded_date <= {{ as_of_date() }}

),

-- without those that another response to the same invitation replaces
counted_responses as (

    select response.response_key
    from fct_survey_response as response
    where not exists (
            select 1
            from fct_survey_response as better
            where
                better.invitation_key = response.invitation_key
                and better.response_key <> response.response_key
                and (
                    (better.is_complete and not response.is_complete)
                    or (
                        better.is_complete = response.is_complete
                        and (
                            coalesce(better.responded_at, timestamp '1900-01-01 00:00:00')
                            > coalesce(response.responded_at, timestamp '1900-01-01 00:00:00')
                            or (
                                coalesce(better.responded_at, timestamp '1900-01-01 00:00:00')
                                = coalesce(response.responded_at, timestamp '1900-01-01 00:00:00')
                                and better.response_key < response.response_key
                            )
                        )
                    )
                )
        )

),

recommendations as (

    select
        dim_survey_question.scale_max - dim_survey_question.scale_min as scale_width,
        case
            when dim_survey_question.is_reversed
                then dim_survey_question.scale_max - fct_survey_answer.answer_value
            else fct_survey_answer.answer_value - dim_survey_question.scale_min
        end as steps
    from {{ ref('fct_survey_answer') }} as fct_survey_answer
    inner join counted_responses on fct_survey_answer.response_key = counted_responses.response_key
    inner join {{ ref('dim_survey_question') }} as dim_survey_question
        on fct_survey_answer.question_key = dim_survey_question.question_key
    where
        dim_survey_question.construct = 'nps'
        and dim_survey_question.scale_max > dim_survey_question.scale_min
        and fct_survey_answer.answer_value >= dim_survey_question.scale_min
        and fct_survey_answer.answer_value <= dim_survey_question.scale_max

),

in_facts as (

    select
        count(case when 10 * steps >= 9 * scale_width then 1 end) as promoters,
        count(case when 10 * steps <= 6 * scale_width then 1 end) as detractors
    from recommendations

)

select
    in_mart.promoters,
    in_facts.promoters as promoters_in_facts,
    in_mart.detractors,
    in_facts.detractors as detractors_in_facts
from in_mart
cross join in_facts
where in_mart.promoters <> in_facts.promoters or in_mart.detractors <> in_facts.detractors
