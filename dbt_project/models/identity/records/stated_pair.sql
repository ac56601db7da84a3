-- Grain: one row per pair of references of which a document states that they are one person.
-- Who answers about a complaint, or is handed an article on it, is who complained.

with complaints as (

    select * from {{ ref('stg_complaints__complaints') }}

),

responses as (

    select * from {{ ref('stg_surveys__responses') }}

),

deliveries as (

    select * from {{ ref('stg_knowledge__deliveries') }}

),

named as (

    select
        'surveys|respondents|' || respondent_id as left_ref,
        complaint_id
    from responses
    where respondent_id is not null

    union all

    select
        'knowledge|readers|' || reader_id as left_ref,
        complaint_id
    from deliveries
    where reader_id is not null

),

pairs as (

    select distinct
        named.left_ref,
        complaints.source || '|complainants|' || complaints.complainant_id as right_ref,
        'complaint' as basis
    from named
    inner join complaints on named.complaint_id = complaints.complaint_id
    where complaints.complainant_id is not null

)

select * from pairs
