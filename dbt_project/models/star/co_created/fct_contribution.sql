-- Grain: one row per contribution of a member to an initiative; its text stays private.
-- Adopted: by the day of adoption where one is given, else by the status.

with base_contribution as (

    select * from {{ ref('base_contribution') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

contributions as (

    select
        {{ surrogate_key('base_contribution.source', 'contributions', 'base_contribution.row_key') }}
            as contribution_key,
        {{ resolved_customer_key() }} as customer_key,
        own_identity.identity_key as member_key,
        {{ surrogate_key('base_contribution.source', 'initiatives', 'base_contribution.initiative_id') }}
            as initiative_key,
        {{ surrogate_key('base_contribution.source', 'releases', 'base_contribution.release_id') }}
            as release_key,
        {{ date_key('base_contribution.contributed_date') }} as contributed_date_key,
        {{ date_key('base_contribution.adopted_on') }} as adopted_date_key,
        base_contribution.contribution_id,
        coalesce(
            base_contribution.adopted_on <= {{ as_of_date() }}, base_contribution.status = 'adopted'
        ) as is_adopted,
        base_contribution.votes,
        base_contribution.hours,
        base_contribution.contribution_type,
        base_contribution.status,
        base_contribution.contributed_at,
        base_contribution.contributed_date,
        base_contribution.adopted_on,
        base_contribution.source,
        base_contribution.known_on
    from base_contribution
    {{ customer_joins('base_contribution', 'members') }}
    where base_contribution.row_key is not null

)

select * from contributions
