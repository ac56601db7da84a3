-- Grain: one row per subscription or contract with a term.
-- Open on the as-of date: begun, term not over, not cancelled by then, and not called cancelled or lapsed.

with base_subscription as (

    select * from {{ ref('base_subscription') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

subscriptions as (

    select
        {{ surrogate_key('base_subscription.source', 'subscriptions', 'base_subscription.row_key') }}
            as subscription_key,
        customer_identity.customer_key,
        {{ surrogate_key('base_subscription.source', 'products', 'base_subscription.product_id') }}
            as product_key,
        {{ date_key('base_subscription.started_on') }} as started_date_key,
        base_subscription.subscription_id,
        coalesce(base_subscription.started_on <= {{ as_of_date() }}, false)
        and coalesce(base_subscription.ends_on >= {{ as_of_date() }}, true)
        and coalesce(base_subscription.cancelled_on > {{ as_of_date() }}, true)
        and coalesce(base_subscription.status not in ('cancelled', 'canceled', 'lapsed'), true) as is_open,
        base_subscription.monthly_fee,
        base_subscription.currency_code,
        base_subscription.status,
        base_subscription.started_on,
        base_subscription.ends_on,
        base_subscription.cancelled_on,
        base_subscription.source,
        base_subscription.known_on
    from base_subscription
    left join customer_identity
        on
            base_subscription.source = customer_identity.source
            and customer_identity.object = 'customers'
            and base_subscription.customer_ref = customer_identity.native_id
    where base_subscription.row_key is not null

)

select * from subscriptions
