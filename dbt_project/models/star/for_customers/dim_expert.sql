{{ config(materialized='table') }}

-- Grain: one row per expert, without the name. An id that only articles know has is_listed false.

with experts as (

    select * from {{ ref('stg_knowledge__experts') }}

),

articles as (

    select * from {{ ref('stg_knowledge__articles') }}

),

unlisted as (

    select distinct
        articles.source,
        articles.expert_id
    from articles
    where
        articles.expert_id is not null
        and not exists (
            select 1
            from experts
            where experts.source = articles.source and experts.expert_id = articles.expert_id
        )

),

all_experts as (

    select
        source,
        expert_id,
        employee_id,
        is_external,
        true as is_listed,
        expertise,
        joined_on,
        left_on,
        known_on
    from experts

    union all

    select
        source,
        expert_id,
        cast(null as string) as employee_id,
        cast(null as boolean) as is_external,
        false as is_listed,
        cast(null as string) as expertise,
        cast(null as date) as joined_on,
        cast(null as date) as left_on,
        cast(null as date) as known_on
    from unlisted

),

keyed as (

    select
        {{ surrogate_key('source', 'experts', 'expert_id') }} as expert_key,
        {{ surrogate_key("'crm'", 'employees', 'employee_id') }} as employee_key,
        expert_id,
        is_external,
        is_listed,
        expertise,
        joined_on,
        left_on,
        source,
        known_on
    from all_experts

)

select * from keyed
