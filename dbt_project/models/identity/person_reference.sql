-- Grain: one row per record in which a source names a person by an id of its own, with the CRM customer that
-- the record states.

with complaints as (

    select * from {{ ref('stg_complaints__complaints') }}

),

invitations as (

    select * from {{ ref('stg_surveys__invitations') }}

),

responses as (

    select * from {{ ref('stg_surveys__responses') }}

),

deliveries as (

    select * from {{ ref('stg_knowledge__deliveries') }}

),

searches as (

    select * from {{ ref('stg_knowledge__searches') }}

),

members as (

    select * from {{ ref('stg_community__members') }}

),

contributions as (

    select * from {{ ref('stg_community__contributions') }}

),

named as (

    select
        source,
        'complainants' as object,
        complainant_id as native_id,
        customer_id as customer_ref
    from complaints
    where complainant_id is not null

    union all

    select
        source,
        'respondents' as object,
        respondent_id as native_id,
        customer_id as customer_ref
    from invitations
    where respondent_id is not null

    union all

    select
        source,
        'respondents' as object,
        respondent_id as native_id,
        customer_id as customer_ref
    from responses
    where respondent_id is not null

    union all

    select
        source,
        'readers' as object,
        reader_id as native_id,
        customer_id as customer_ref
    from deliveries
    where reader_id is not null

    union all

    select
        source,
        'readers' as object,
        reader_id as native_id,
        customer_id as customer_ref
    from searches
    where reader_id is not null

    union all

    select
        source,
        'members' as object,
        member_id as native_id,
        customer_id as customer_ref
    from members
    where member_id is not null

    union all

    -- a contribution's member may have no row of its own
    select
        source,
        'members' as object,
        member_id as native_id,
        cast(null as string) as customer_ref
    from contributions
    where member_id is not null

)

select * from named
