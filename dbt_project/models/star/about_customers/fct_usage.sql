-- Grain: one row per use of a product or service by a customer.

with base_usage as (

    select * from {{ ref('base_usage') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

usages as (

    select
        {{ surrogate_key('base_usage.source', 'usage_events', 'base_usage.row_key') }} as usage_key,
        customer_identity.customer_key,
        {{ surrogate_key('base_usage.source', 'products', 'base_usage.product_id') }} as product_key,
        {{ date_key('base_usage.used_date') }} as used_date_key,
        base_usage.usage_id,
        base_usage.quantity,
        base_usage.unit,
        base_usage.feature,
        base_usage.used_at,
        base_usage.used_date,
        base_usage.source,
        base_usage.known_on
    from base_usage
    left join customer_identity
        on
            base_usage.source = customer_identity.source
            and customer_identity.object = 'customers'
            and base_usage.customer_ref = customer_identity.native_id
    where base_usage.row_key is not null

)

select * from usages
