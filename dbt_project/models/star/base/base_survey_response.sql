{{ config(unique_key='responded_month') }}
{% set columns = [
    'row_key', 'response_id', 'survey_id', 'invitation_id', 'customer_ref', 'person_ref', 'order_id',
    'order_customer_ref', 'complaint_id', 'channel', 'language', 'is_complete', 'responded_at', 'responded_date',
    'source', 'known_on'
] %}

-- Grain: one row per response to a survey; a month without responses keeps one empty row.
-- Whom the response does not name, its invitation may; order_customer_ref is whom its order names.
-- An invitation to another survey, or one that nobody knows, is none.

with responses as (

    select * from {{ ref('stg_surveys__responses') }}

),

invitations as (

    select * from {{ ref('stg_surveys__invitations') }}

),

orders as (

    select * from {{ ref('stg_crm__orders') }}

),

invited as (

    select
        responses.*,
        invitations.invitation_id as known_invitation_id,
        coalesce(responses.customer_id, invitations.customer_id) as customer_ref,
        coalesce(responses.respondent_id, invitations.respondent_id) as person_ref,
        {{ later_date('responses.known_on', 'invitations.known_on') }} as invited_known_on
    from responses
    left join invitations
        on
            responses.invitation_id = invitations.invitation_id
            and responses.survey_id = invitations.survey_id

),

dated as (

    select
        invited.row_key,
        invited.response_id,
        invited.survey_id,
        invited.known_invitation_id as invitation_id,
        invited.customer_ref,
        invited.person_ref,
        invited.order_id,
        orders.customer_id as order_customer_ref,
        invited.complaint_id,
        invited.channel,
        invited.language,
        invited.is_complete,
        invited.responded_at,
        invited.responded_date,
        invited.source,
        {{ later_date('invited.invited_known_on', 'orders.known_on') }} as known_on
    from invited
    left join orders on invited.order_id = orders.order_id

),

latest_rows as (

    select
        dated.*,
        {{ month_start("coalesce(dated.responded_date, date '1900-01-01')") }} as responded_month
    from dated

),

{{ reload_changed_months('latest_rows', 'responded_month', columns) }}
