{{ config(materialized='table') }}

-- Grain: one row per category and subcategory seen in a complaint, the lack of either included.

with base_complaint as (

    select * from {{ ref('base_complaint') }}

),

categories as (

    select distinct
        md5('complaint_category|' || coalesce(category, '') || '|' || coalesce(subcategory, ''))
            as category_key,
        category,
        subcategory
    from base_complaint
    where row_key is not null

)

select * from categories
