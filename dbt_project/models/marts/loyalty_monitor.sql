-- Grain: one row per month of invitation, survey and customer segment, the total 'all' included.
-- A response without an invitation counts in its own month; month is null where neither has a day.
-- Of several responses to one invitation one counts: a complete one, else the last. Only its answers count.
-- Segment: the customer's on that day; 'unknown' without one, or where it is called like the total.
-- Scores read scaled_value: promoter from 0.9 (9 of 0 to 10), detractor up to 0.6, satisfied from 0.75.
-- The interval of nps is the adjusted Wald one: 3/4 promoter, 3/2 passive and 3/4 detractor are added, so
-- that few or unanimous answers do not look certain.
-- Events dated after the as-of date are not counted.

with fct_survey_invitation as (

    select * from {{ ref('fct_survey_invitation') }}

),

fct_survey_response as (

    select * from {{ ref('fct_survey_response') }}

),

fct_survey_answer as (

    select * from {{ ref('fct_survey_answer') }}

),

dim_survey_question as (

    select * from {{ ref('dim_survey_question') }}

),

dim_customer as (

    select * from {{ ref('dim_customer') }}

),

invitations as (

    select * from fct_survey_invitation
    where invited_date <= {{ as_of_date() }}

),

ranked_responses as (

    select
        fct_survey_response.*,
        row_number() over (
            partition by coalesce(invitation_key, response_key)
            order by is_complete desc, responded_at desc nulls last, response_key asc
        ) as response_rank
    from fct_survey_response
    where coalesce(responded_date <= {{ as_of_date() }}, true)

),

responses as (

    select * from ranked_responses
    where response_rank = 1

),

-- one row per invitation, answered or not, and per response that came without one
participations as (

    select
        invitations.survey_id,
        invitations.survey_name,
        coalesce(invitations.customer_key, responses.customer_key) as customer_key,
        invitations.invited_date as participation_date,
        1 as is_invited,
        responses.response_key
    from invitations
    left join responses on invitations.invitation_key = responses.invitation_key

    union all

    select
        responses.survey_id,
        responses.survey_name,
        responses.customer_key,
        responses.responded_date as participation_date,
        0 as is_invited,
        responses.response_key
    from responses
    where not exists (
            select 1 from invitations
            where invitations.invitation_key = responses.invitation_key
        )

),

-- the score is rounded, so that an answer on a threshold is not a hair below it
scaled_answers as (

    select
        fct_survey_answer.response_key,
        dim_survey_question.construct,
        fct_survey_answer.scaled_value,
        round(fct_survey_answer.scaled_value, 9) as score
    from fct_survey_answer
    inner join dim_survey_question on fct_survey_answer.question_key = dim_survey_question.question_key

),

answers as (

    select
        response_key,
        sum(case when construct = 'nps' and score >= 0.9 then 1 else 0 end) as promoters,
        sum(case when construct = 'nps' and score <= 0.6 then 1 else 0 end) as detractors,
        count(case when construct = 'nps' then scaled_value end) as nps_answers,
        sum(case when construct = 'csat' and score >= 0.75 then 1 else 0 end) as satisfied,
        count(case when construct = 'csat' then scaled_value end) as csat_answers,
        sum(case when construct = 'ces' then 1 + 6 * scaled_value end) as ease,
        count(case when construct = 'ces' then scaled_value end) as ces_answers
    from scaled_answers
    group by response_key

),

described as (

    select
        {{ month_start('participations.participation_date') }} as month,
        participations.survey_id,
        participations.survey_name,
        coalesce(nullif(dim_customer.segment, 'all'), 'unknown') as segment,
        participations.is_invited,
        case when participations.response_key is not null then 1 else 0 end as has_response,
        answers.promoters,
        answers.detractors,
        answers.nps_answers,
        answers.satisfied,
        answers.csat_answers,
        answers.ease,
        answers.ces_answers
    from participations
    left join answers on participations.response_key = answers.response_key
    left join dim_customer
        on
            participations.customer_key = dim_customer.customer_key
            and coalesce(participations.participation_date, {{ as_of_date() }}) >= dim_customer.valid_from
            and coalesce(participations.participation_date, {{ as_of_date() }})
            < coalesce(dim_customer.valid_to, {{ add_days(as_of_date(), 1) }})

),

grouped as (

    select
        described.*,
        segment as group_name
    from described

    union all

    select
        described.*,
        'all' as group_name
    from described

),

totals as (

    select
        month,
        survey_id,
        survey_name,
        group_name,
        cast(sum(is_invited) as bigint) as invited,
        cast(sum(is_invited * has_response) as bigint) as invited_responses,
        cast(sum(has_response) as bigint) as responses,
        cast(coalesce(sum(promoters), 0) as bigint) as promoters,
        cast(coalesce(sum(detractors), 0) as bigint) as detractors,
        cast(coalesce(sum(nps_answers), 0) as bigint) as nps_responses,
        cast(coalesce(sum(satisfied), 0) as bigint) as satisfied,
        cast(coalesce(sum(csat_answers), 0) as bigint) as csat_responses,
        sum(ease) as ease,
        cast(coalesce(sum(ces_answers), 0) as bigint) as ces_responses
    from grouped
    group by month, survey_id, survey_name, group_name

),

adjusted as (

    select
        totals.*,
        (promoters + 0.75) / cast(nps_responses + 3 as double) as promoter_share,
        (detractors + 0.75) / cast(nps_responses + 3 as double) as detractor_share
    from totals

),

interval_of_nps as (

    select
        adjusted.*,
        promoter_share - detractor_share as centre,
        1.96 * sqrt(
            (
                promoter_share + detractor_share
                - (promoter_share - detractor_share) * (promoter_share - detractor_share)
            ) / (nps_responses + 3)
        ) as half_width
    from adjusted

),

monitor as (

    select
        {{ as_of_date() }} as as_of_date,
        month,
        survey_id,
        survey_name,
        group_name as segment,
        invited,
        responses,
        invited_responses,
        {{ ratio('invited_responses', 'invited') }} as response_rate,
        promoters,
        nps_responses - promoters - detractors as passives,
        detractors,
        nps_responses,
        100 * {{ ratio('promoters - detractors', 'nps_responses') }} as nps,
        case when nps_responses > 0 then greatest(100 * (centre - half_width), -100) end as nps_low,
        case when nps_responses > 0 then least(100 * (centre + half_width), 100) end as nps_high,
        satisfied,
        csat_responses,
        100 * {{ ratio('satisfied', 'csat_responses') }} as csat,
        ces_responses,
        {{ ratio('ease', 'ces_responses') }} as ces
    from interval_of_nps

)

select * from monitor
