{{ config(unique_key='contributed_month') }}
{% set columns = [
    'row_key', 'contribution_id', 'initiative_id', 'customer_ref', 'person_ref', 'release_id',
    'contribution_type', 'status', 'votes', 'hours', 'contributed_at', 'contributed_date', 'adopted_on',
    'source', 'known_on'
] %}

-- Grain: one row per contribution of a member, without its text; a month without any keeps one empty row.
-- A contribution names its member only: the customer is the one that the member is.

with contributions as (

    select * from {{ ref('stg_community__contributions') }}

),

dated as (

    select
        contributions.row_key,
        contributions.contribution_id,
        contributions.initiative_id,
        cast(null as string) as customer_ref,
        contributions.member_id as person_ref,
        contributions.release_id,
        contributions.contribution_type,
        contributions.status,
        contributions.votes,
        contributions.hours,
        contributions.contributed_at,
        contributions.contributed_date,
        contributions.adopted_on,
        contributions.source,
        contributions.known_on
    from contributions

),

latest_rows as (

    select
        dated.*,
        {{ month_start("coalesce(dated.contributed_date, date '1900-01-01')") }} as contributed_month
    from dated

),

{{ reload_changed_months('latest_rows', 'contributed_month', columns) }}
