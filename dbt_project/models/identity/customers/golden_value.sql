{%- set attributes = [
    'name', 'company_name', 'registration_number', 'email', 'phone', 'street', 'postal_code', 'city', 'country',
    'birth_date', 'birth_year'
] -%}

-- Grain: one row per customer and attribute that any of its records states: the value that survives, where it
-- comes from, and whether others differ. The seed survivorship says whose word counts first; of equal sources
-- the one that was changed last; what stands for no value, such as test@test, never.

with customer_link as (

    select * from {{ ref('customer_link') }}

),

person_record as (

    select * from {{ ref('person_record') }}

),

survivorship as (

    select * from {{ ref('survivorship') }}

),

placeholders as (

    select * from {{ source('identity', 'placeholder') }}

),

-- the customer's own records, not those of who acts for it
own_records as (

    select
        customer_link.customer_key,
        person_record.*
    from customer_link
    inner join person_record on customer_link.record_ref = person_record.record_ref
    where customer_link.valid_to is null and customer_link.customer_key = customer_link.person_key

),

written as (

    select
        customer_key,
        record_ref,
        source,
        object,
        changed_on,
        coalesce(
            nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), ''), full_name
        ) as name,
        company_name,
        registration_number,
        email,
        phone,
        street,
        postal_code,
        city,
        country,
        cast(birth_date as string) as birth_date,
        cast(coalesce(extract(year from birth_date), birth_year) as string) as birth_year
    from own_records

),

stated as (
    {%- for attribute in attributes %}

    select
        customer_key,
        record_ref,
        source,
        object,
        changed_on,
        '{{ attribute }}' as attribute,
        {{ attribute }} as stated_value
    from written
    where {{ attribute }} is not null
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

ranked as (

    select
        stated.*,
        survivorship.priority,
        row_number() over (
            partition by stated.customer_key, stated.attribute
            order by survivorship.priority asc, stated.changed_on desc, stated.record_ref asc
        ) as survival_rank
    from stated
    inner join survivorship
        on
            stated.attribute = survivorship.attribute
            and stated.source = survivorship.source
            and stated.object = survivorship.object
    where not exists (
            select 1
            from placeholders
            where
                placeholders.record_ref = stated.record_ref
                and (
                    placeholders.field = stated.attribute
                    or (placeholders.field = 'birth_date' and stated.attribute = 'birth_year')
                )
        )

),

agreement as (

    select
        customer_key,
        attribute,
        count(*) as statement_count,
        count(distinct lower(trim(stated_value))) as value_count
    from ranked
    group by customer_key, attribute

),

survivors as (

    select
        ranked.customer_key,
        ranked.attribute,
        ranked.stated_value as survivor,
        ranked.record_ref,
        ranked.source,
        ranked.object,
        ranked.priority,
        ranked.changed_on,
        agreement.statement_count,
        agreement.value_count,
        agreement.value_count > 1 as is_conflict
    from ranked
    inner join agreement
        on ranked.customer_key = agreement.customer_key and ranked.attribute = agreement.attribute
    where ranked.survival_rank = 1

)

select * from survivors
