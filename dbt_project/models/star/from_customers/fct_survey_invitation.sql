-- Grain: one row per invitation of a person to a survey; the address it went to stays private.

with base_survey_invitation as (

    select * from {{ ref('base_survey_invitation') }}

),

surveys as (

    select * from {{ ref('stg_surveys__surveys') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

invitations as (

    select
        {{ surrogate_key('base_survey_invitation.source', 'invitations', 'base_survey_invitation.row_key') }}
            as invitation_key,
        {{ resolved_customer_key() }} as customer_key,
        md5('channel|' || base_survey_invitation.channel) as channel_key,
        {{ date_key('base_survey_invitation.invited_date') }} as invited_date_key,
        base_survey_invitation.invitation_id,
        base_survey_invitation.survey_id,
        surveys.survey_name,
        surveys.survey_type,
        base_survey_invitation.channel,
        base_survey_invitation.invited_at,
        base_survey_invitation.invited_date,
        base_survey_invitation.reminded_at,
        base_survey_invitation.reminded_date,
        base_survey_invitation.source,
        base_survey_invitation.known_on
    from base_survey_invitation
    {{ customer_joins('base_survey_invitation', 'respondents') }}
    left join surveys on base_survey_invitation.survey_id = surveys.survey_id
    where base_survey_invitation.row_key is not null

)

select * from invitations
