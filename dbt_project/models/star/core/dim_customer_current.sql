{{ config(materialized='view') }}

-- Grain: one row per customer, as known on the as-of date; deleted customers stay and say so.

with dim_customer as (

    select * from {{ ref('dim_customer') }}

),

current_versions as (

    select
        customer_key,
        customer_version_key,
        parent_customer_key,
        account_manager_employee_key,
        customer_type,
        country,
        postal_area,
        birth_decade,
        language,
        preferred_channel,
        industry,
        segment,
        acquired_date,
        is_profiling_allowed,
        is_deleted,
        valid_from,
        source
    from dim_customer
    where is_current

)

select * from current_versions
