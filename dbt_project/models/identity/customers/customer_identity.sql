{{ config(materialized='view') }}

-- Grain: one row per reference by which a source names a customer or another person, with the customer for
-- whom it stands now: a merge or split changes whose all its facts are and rewrites none.

with customer_link as (

    select * from {{ ref('customer_link') }}

),

standing as (

    select
        source,
        object,
        native_id,
        record_ref,
        identity_key,
        person_key,
        customer_key
    from customer_link
    where valid_to is null

)

select * from standing
