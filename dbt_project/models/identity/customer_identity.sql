-- Grain: one row per reference by which a source names a customer.
-- At this stage each CRM customer is its own cluster. Deleted customers stay: their facts still have one key.

with customer_versions as (

    select * from {{ ref('stg_crm__customer_versions') }}

),

-- Always one row, of nulls where the pads are missing: then keys fail their test, and no customer vanishes.
pads as (

    select
        max(inner_pad) as inner_pad,
        max(outer_pad) as outer_pad
    from {{ source('secrets', 'customer_key_pads') }}

),

source_references as (

    select distinct
        source,
        'customers' as object,
        customer_id as native_id
    from customer_versions
    where customer_id is not null

),

named as (

    select
        source,
        object,
        native_id,
        source || '|' || object || '|' || native_id as customer_reference
    from source_references

),

keyed as (

    select
        named.source,
        named.object,
        named.native_id,
        substr(
            {{ hmac_sha256("'identity|' || named.customer_reference", 'pads.inner_pad', 'pads.outer_pad') }},
            1,
            32
        ) as identity_key,
        substr({{ hmac_sha256('named.customer_reference', 'pads.inner_pad', 'pads.outer_pad') }}, 1, 32)
            as customer_key,
        date '1900-01-01' as valid_from,
        cast(null as date) as valid_to
    from named
    cross join pads

)

select * from keyed
