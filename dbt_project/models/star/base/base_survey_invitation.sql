{{ config(unique_key='invited_month') }}
{% set columns = [
    'row_key', 'invitation_id', 'survey_id', 'customer_ref', 'person_ref', 'channel', 'invited_at', 'invited_date',
    'reminded_at', 'reminded_date', 'source', 'known_on'
] %}

-- Grain: one row per invitation of a person to a survey; a month without invitations keeps one empty row.

with invitations as (

    select * from {{ ref('stg_surveys__invitations') }}

),

dated as (

    select
        invitations.row_key,
        invitations.invitation_id,
        invitations.survey_id,
        invitations.customer_id as customer_ref,
        invitations.respondent_id as person_ref,
        invitations.channel,
        invitations.invited_at,
        invitations.invited_date,
        invitations.reminded_at,
        invitations.reminded_date,
        invitations.source,
        invitations.known_on
    from invitations

),

latest_rows as (

    select
        dated.*,
        {{ month_start("coalesce(dated.invited_date, date '1900-01-01')") }} as invited_month
    from dated

),

{{ reload_changed_months('latest_rows', 'invited_month', columns) }}
