{%- set referring = {
    'base_order_line': ['product_id'],
    'base_subscription': ['product_id'],
    'base_usage': ['product_id'],
    'base_complaint': ['product_id'],
    'base_observation': ['product_id'],
    'stg_knowledge__articles': ['product_id'],
    'stg_community__initiatives': ['product_id'],
    'stg_community__releases': ['product_id']
} -%}

-- Grain: one row per product. A code that only facts know has is_listed false: no fact is orphaned.

with products as (

    select * from {{ ref('stg_crm__products') }}

),
{%- for model in referring %}

{{ model }} as (

    select * from {{ ref(model) }}

),
{%- endfor %}

-- Whatever source names a product names it by the CRM's code.
seen_references as (
    {%- for model, columns in referring.items() %}
    {%- set last_model = loop.last %}
    {%- for column in columns %}

    select
        'crm' as source,
        {{ column }} as product_id
    from {{ model }}
    where {{ column }} is not null
    {%- if not (loop.last and last_model) %}

    union
    {%- endif %}
    {%- endfor %}
    {%- endfor %}

),

unlisted as (

    select
        seen_references.source,
        seen_references.product_id
    from seen_references
    where not exists (
            select 1
            from products
            where
                products.source = seen_references.source
                and products.product_id = seen_references.product_id
        )

),

all_products as (

    select
        source,
        product_id,
        product_name,
        category,
        product_kind,
        currency_code,
        list_price,
        unit_cost,
        is_active,
        true as is_listed,
        known_on
    from products

    union all

    select
        source,
        product_id,
        cast(null as string) as product_name,
        cast(null as string) as category,
        cast(null as string) as product_kind,
        cast(null as string) as currency_code,
        cast(null as decimal(18, 4)) as list_price,
        cast(null as decimal(18, 4)) as unit_cost,
        cast(null as boolean) as is_active,
        false as is_listed,
        cast(null as date) as known_on
    from unlisted

),

keyed as (

    select
        {{ surrogate_key('source', 'products', 'product_id') }} as product_key,
        product_id,
        is_active,
        is_listed,
        list_price,
        unit_cost,
        product_name,
        category,
        product_kind,
        currency_code,
        source,
        known_on
    from all_products

)

select * from keyed
