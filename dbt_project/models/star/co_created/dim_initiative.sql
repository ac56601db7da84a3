{{ config(materialized='table') }}

-- Grain: one row per initiative of co-creation. An id that only other rows know has is_listed false.

with initiatives as (

    select * from {{ ref('stg_community__initiatives') }}

),

base_contribution as (

    select * from {{ ref('base_contribution') }}

),

releases as (

    select * from {{ ref('stg_community__releases') }}

),

ip_shares as (

    select * from {{ ref('stg_community__ip_shares') }}

),

initiative_costs as (

    select * from {{ ref('stg_community__initiative_costs') }}

),

outcomes as (

    select * from {{ ref('stg_community__outcomes') }}

),

seen_references as (

    {%- for object in ['base_contribution', 'releases', 'ip_shares', 'initiative_costs', 'outcomes'] %}

    select
        source,
        initiative_id
    from {{ object }}
    where initiative_id is not null
    {%- if not loop.last %}

    union
    {%- endif %}
    {%- endfor %}

),

unlisted as (

    select
        seen_references.source,
        seen_references.initiative_id
    from seen_references
    where not exists (
            select 1
            from initiatives
            where
                initiatives.source = seen_references.source
                and initiatives.initiative_id = seen_references.initiative_id
        )

),

all_initiatives as (

    select
        source,
        initiative_id,
        product_id,
        owner_employee_id,
        true as is_listed,
        initiative_name,
        style,
        status,
        started_on,
        ended_on,
        known_on
    from initiatives

    union all

    select
        source,
        initiative_id,
        cast(null as string) as product_id,
        cast(null as string) as owner_employee_id,
        false as is_listed,
        cast(null as string) as initiative_name,
        cast(null as string) as style,
        cast(null as string) as status,
        cast(null as date) as started_on,
        cast(null as date) as ended_on,
        cast(null as date) as known_on
    from unlisted

),

keyed as (

    select
        {{ surrogate_key('source', 'initiatives', 'initiative_id') }} as initiative_key,
        md5('cocreation_style|' || style) as style_key,
        {{ surrogate_key("'crm'", 'products', 'product_id') }} as product_key,
        {{ surrogate_key("'crm'", 'employees', 'owner_employee_id') }} as owner_employee_key,
        initiative_id,
        is_listed,
        initiative_name,
        style,
        status,
        started_on,
        ended_on,
        source,
        known_on
    from all_initiatives

)

select * from keyed
