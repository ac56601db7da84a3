{%- set attributes = [
    'name', 'company_name', 'registration_number', 'email', 'phone', 'street', 'postal_code', 'city', 'country',
    'birth_date'
] -%}

{{ config(materialized='view') }}

-- Grain: one row per customer with how to reach it: for those who serve customers, never published.

with customer_link as (

    select * from {{ ref('customer_link') }}

),

golden_value as (

    select * from {{ ref('golden_value') }}

),

customers as (

    select distinct customer_key
    from customer_link
    where valid_to is null and object = 'customers'

),

contacts as (

    select
        customers.customer_key,
        {%- for attribute in attributes %}
        max(case when golden_value.attribute = '{{ attribute }}' then golden_value.survivor end)
            as {{ attribute }},
        {%- endfor %}
        cast(sum(case when golden_value.is_conflict then 1 else 0 end) as bigint) as conflict_count
    from customers
    left join golden_value on customers.customer_key = golden_value.customer_key
    group by customers.customer_key

)

select * from contacts
