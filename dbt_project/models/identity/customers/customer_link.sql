-- Grain: one row per reference by which a source names a customer or another person, and period in which it
-- stood for the same one. A customer of the CRM that the match has not seen yet is its own: none vanishes.
-- Deleted customers stay: their facts still have one key.

with person_record as (

    select * from {{ ref('person_record') }}

),

clusters as (

    select * from {{ source('identity', 'cluster') }}

),

-- Always one row, of nulls where the pads are missing: then keys fail their test, and no customer vanishes.
pads as (

    select
        max(inner_pad) as inner_pad,
        max(outer_pad) as outer_pad
    from {{ source('secrets', 'customer_key_pads') }}

),

links as (

    select
        record_ref,
        founder_ref,
        customer_ref,
        valid_from,
        valid_to
    from clusters

    union all

    select
        person_record.record_ref,
        person_record.record_ref as founder_ref,
        case when person_record.object = 'customers' then person_record.record_ref end as customer_ref,
        date '1900-01-01' as valid_from,
        cast(null as date) as valid_to
    from person_record
    where not exists (
            select 1
            from clusters
            where clusters.record_ref = person_record.record_ref and clusters.valid_to is null
        )

),

named as (

    select
        record_ref,
        founder_ref,
        customer_ref,
        split_part(record_ref, '|', 1) as source,
        split_part(record_ref, '|', 2) as object,
        valid_from,
        valid_to
    from links

),

keyed as (

    select
        named.record_ref,
        named.source,
        named.object,
        substr(named.record_ref, length(named.source) + length(named.object) + 3) as native_id,
        substr(
            {{ hmac_sha256("'identity|' || named.record_ref", 'pads.inner_pad', 'pads.outer_pad') }},
            1,
            32
        ) as identity_key,
        substr({{ hmac_sha256('named.founder_ref', 'pads.inner_pad', 'pads.outer_pad') }}, 1, 32)
            as person_key,
        substr({{ hmac_sha256('named.customer_ref', 'pads.inner_pad', 'pads.outer_pad') }}, 1, 32)
            as customer_key,
        named.valid_from,
        named.valid_to
    from named
    cross join pads

)

select * from keyed
