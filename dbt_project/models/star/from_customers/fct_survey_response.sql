-- Grain: one row per response to a survey; the person's name, contact and closing comment stay private.
-- Customer: of the response, else of its invitation, else of the order or the complaint that it is about.

with base_survey_response as (

    select * from {{ ref('base_survey_response') }}

),

base_survey_invitation as (

    select * from {{ ref('base_survey_invitation') }}

),

surveys as (

    select * from {{ ref('stg_surveys__surveys') }}

),

fct_complaint as (

    select * from {{ ref('fct_complaint') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

responses as (

    select
        {{ surrogate_key('base_survey_response.source', 'responses', 'base_survey_response.row_key') }}
            as response_key,
        {{ surrogate_key('base_survey_invitation.source', 'invitations', 'base_survey_invitation.row_key') }}
            as invitation_key,
        coalesce({{ resolved_customer_key() }}, order_identity.customer_key, fct_complaint.customer_key)
            as customer_key,
        {{ surrogate_key("'crm'", 'orders', 'base_survey_response.order_id') }} as order_key,
        fct_complaint.complaint_key,
        md5('channel|' || base_survey_response.channel) as channel_key,
        {{ date_key('base_survey_response.responded_date') }} as responded_date_key,
        base_survey_response.response_id,
        base_survey_response.survey_id,
        base_survey_response.order_id,
        base_survey_response.is_complete,
        surveys.survey_name,
        surveys.survey_type,
        base_survey_response.channel,
        base_survey_response.language,
        base_survey_response.responded_at,
        base_survey_response.responded_date,
        base_survey_response.source,
        base_survey_response.known_on
    from base_survey_response
    {{ customer_joins('base_survey_response', 'respondents') }}
    left join customer_identity as order_identity
        on
            order_identity.source = 'crm'
            and order_identity.object = 'customers'
            and base_survey_response.order_customer_ref = order_identity.native_id
    left join fct_complaint on base_survey_response.complaint_id = fct_complaint.complaint_id
    left join base_survey_invitation
        on base_survey_response.invitation_id = base_survey_invitation.invitation_id
    left join surveys on base_survey_response.survey_id = surveys.survey_id
    where base_survey_response.row_key is not null

)

select * from responses
