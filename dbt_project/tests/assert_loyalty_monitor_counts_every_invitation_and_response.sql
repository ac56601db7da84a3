-- Of every survey, the total, the sum of the segments and the facts hold the same invitations and responses.

with in_total as (

    select
        survey_id,
        sum(invited) as invited,
        sum(responses) as responses
    from {{ ref('loyalty_monitor') }}
    where segment = 'all'
    group by survey_id

),

in_segments as (

    select
        survey_id,
        sum(invited) as invited,
        sum(responses) as responses
    from {{ ref('loyalty_monitor') }}
    where segment <> 'all'
    group by survey_id

),

taken_part as (

    select
        survey_id,
        invitation_key,
        cast(null as string) as participation_key
    from {{ ref('fct_survey_invitation') }}
    where invited_date <= {{ as_of_date() }}

    union all

    select
        survey_id,
        cast(null as string) as invitation_key,
        coalesce(invitation_key, response_key) as participation_key
    from {{ ref('fct_survey_response') }}
    where responded_date is null or responded_date <= {{ as_of_date() }}

),

in_facts as (

    select
        survey_id,
        count(invitation_key) as invited,
        count(distinct participation_key) as responses
    from taken_part
    group by survey_id

)

select
    in_facts.survey_id,
    in_facts.invited,
    in_total.invited as invited_in_total,
    in_segments.invited as invited_in_segments,
    in_facts.responses,
    in_total.responses as responses_in_total,
    in_segments.responses as responses_in_segments
from in_facts
full outer join in_total on in_facts.survey_id = in_total.survey_id
full outer join in_segments on in_facts.survey_id = in_segments.survey_id
where
    in_facts.survey_id is null
    or in_total.survey_id is null
    or in_segments.survey_id is null
    or in_facts.invited <> in_total.invited
    or in_facts.invited <> in_segments.invited
    or in_facts.responses <> in_total.responses
    or in_facts.responses <> in_segments.responses
