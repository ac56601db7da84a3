{{ config(materialized='table') }}

-- Grain: one row per release of a product, process or service that came out of an initiative.

with releases as (

    select * from {{ ref('stg_community__releases') }}

),

keyed as (

    select
        {{ surrogate_key('source', 'releases', 'row_key') }} as release_key,
        {{ surrogate_key('source', 'initiatives', 'initiative_id') }} as initiative_key,
        {{ surrogate_key("'crm'", 'products', 'product_id') }} as product_key,
        {{ date_key('released_on') }} as released_date_key,
        release_id,
        release_name,
        release_kind,
        released_on,
        source,
        known_on
    from releases

)

select * from keyed
