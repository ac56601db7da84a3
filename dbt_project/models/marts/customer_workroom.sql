-- Grain: one row per current customer: what lies in the workroom, when contracts end, what serving costs.
-- Overdue: open and due before the as-of date. A contract's end counts until it has passed.
-- Costs are booked by month: the 365 days take in every month that begins within them.

with dim_customer_current as (

    select * from {{ ref('dim_customer_current') }}

),

fct_workroom_item as (

    select * from {{ ref('fct_workroom_item') }}

),

fct_subscription as (

    select * from {{ ref('fct_subscription') }}

),

fct_service_cost as (

    select * from {{ ref('fct_service_cost') }}

),

items as (

    select
        customer_key,
        count(*) as items,
        sum(case when is_open then 1 else 0 end) as open_items,
        sum(case when is_open and due_on < {{ as_of_date() }} then 1 else 0 end) as overdue_items,
        sum(case when is_open and item_type = 'approval' then 1 else 0 end) as open_approvals,
        min(case when is_open then due_on end) as next_due_on,
        max(opened_date) as last_opened_date,
        min(case when item_type = 'contract' and ends_on >= {{ as_of_date() }} then ends_on end)
            as contract_ends_on
    from fct_workroom_item
    where customer_key is not null and opened_date <= {{ as_of_date() }}
    group by customer_key

),

subscriptions as (

    select
        customer_key,
        min(ends_on) as subscription_ends_on
    from fct_subscription
    where customer_key is not null and is_open
    group by customer_key

),

costs as (

    select
        customer_key,
        cast(sum(net_cost) as decimal(18, 4)) as cost_to_serve_365d
    from fct_service_cost
    where
        customer_key is not null
        and month <= {{ as_of_date() }}
        and month > {{ add_days(as_of_date(), -365) }}
    group by customer_key

),

workrooms as (

    select
        {{ as_of_date() }} as as_of_date,
        dim_customer_current.customer_key,
        cast(coalesce(items.items, 0) as bigint) as items,
        cast(coalesce(items.open_items, 0) as bigint) as open_items,
        cast(coalesce(items.overdue_items, 0) as bigint) as overdue_items,
        cast(coalesce(items.open_approvals, 0) as bigint) as open_approvals,
        items.next_due_on,
        items.last_opened_date,
        items.contract_ends_on,
        subscriptions.subscription_ends_on,
        coalesce(costs.cost_to_serve_365d, cast(0 as decimal(18, 4))) as cost_to_serve_365d,
        {{ reporting_currency() }} as currency_code
    from dim_customer_current
    left join items on dim_customer_current.customer_key = items.customer_key
    left join subscriptions on dim_customer_current.customer_key = subscriptions.customer_key
    left join costs on dim_customer_current.customer_key = costs.customer_key
    where not dim_customer_current.is_deleted

)

select * from workrooms
