-- Grain: one row per product. A code that only facts know has is_listed false: no fact is orphaned.

with products as (

    select * from {{ ref('stg_crm__products') }}

),

base_order_line as (

    select * from {{ ref('base_order_line') }}

),

base_subscription as (

    select * from {{ ref('base_subscription') }}

),

base_usage as (

    select * from {{ ref('base_usage') }}

),

references_of_facts as (

    select
        source,
        product_id
    from base_order_line
    where product_id is not null

    union

    select
        source,
        product_id
    from base_subscription
    where product_id is not null

    union

    select
        source,
        product_id
    from base_usage
    where product_id is not null

),

unlisted as (

    select
        references_of_facts.source,
        references_of_facts.product_id
    from references_of_facts
    where not exists (
            select 1
            from products
            where
                products.source = references_of_facts.source
                and products.product_id = references_of_facts.product_id
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
