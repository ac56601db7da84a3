-- Grain: one row per reference by which a source names a customer or another person.
-- Each CRM customer is its own cluster. A person whom another source names by an id of its own is the
-- customer that the source's records state for that id; none where they state none or several: a null beats
-- a wrong join.
-- Deleted customers stay: their facts still have one key.

with customer_versions as (

    select * from {{ ref('stg_crm__customer_versions') }}

),

person_reference as (

    select * from {{ ref('person_reference') }}

),

-- Always one row, of nulls where the pads are missing: then keys fail their test, and no customer vanishes.
pads as (

    select
        max(inner_pad) as inner_pad,
        max(outer_pad) as outer_pad
    from {{ source('secrets', 'customer_key_pads') }}

),

customers as (

    select distinct
        source,
        'customers' as object,
        customer_id as native_id,
        customer_id as customer_ref
    from customer_versions
    where customer_id is not null

),

persons as (

    select
        source,
        object,
        native_id,
        case when count(distinct customer_ref) = 1 then max(customer_ref) end as customer_ref
    from person_reference
    group by source, object, native_id

),

source_references as (

    select
        customers.source,
        customers.object,
        customers.native_id,
        customers.customer_ref
    from customers

    union all

    -- a customer that the CRM does not know is none
    select
        persons.source,
        persons.object,
        persons.native_id,
        customers.customer_ref
    from persons
    left join customers on persons.customer_ref = customers.native_id

),

named as (

    select
        source,
        object,
        native_id,
        source || '|' || object || '|' || native_id as person_ref,
        'crm|customers|' || customer_ref as customer_ref
    from source_references

),

keyed as (

    select
        named.source,
        named.object,
        named.native_id,
        substr(
            {{ hmac_sha256("'identity|' || named.person_ref", 'pads.inner_pad', 'pads.outer_pad') }},
            1,
            32
        ) as identity_key,
        substr({{ hmac_sha256('named.customer_ref', 'pads.inner_pad', 'pads.outer_pad') }}, 1, 32)
            as customer_key,
        date '1900-01-01' as valid_from,
        cast(null as date) as valid_to
    from named
    cross join pads

)

select * from keyed
