-- Grain: one row per cost of serving a customer, per month and kind.
-- Money is converted here at the rate of the month's first day, so that a late rate reaches old costs, too.

with base_service_cost as (

    select * from {{ ref('base_service_cost') }}

),

base_exchange_rate as (

    select * from {{ ref('base_exchange_rate') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

service_costs as (

    select
        {{ surrogate_key('base_service_cost.source', 'service_costs', 'base_service_cost.row_key') }}
            as service_cost_key,
        customer_identity.customer_key,
        {{ date_key('base_service_cost.month') }} as month_date_key,
        base_service_cost.cost_kind,
        base_service_cost.amount,
        case
            when base_service_cost.currency_code = {{ reporting_currency() }} then base_service_cost.amount
            else cast(base_service_cost.amount * base_exchange_rate.rate_to_reporting as decimal(18, 4))
        end as net_cost,
        base_service_cost.currency_code,
        base_service_cost.month,
        base_service_cost.source,
        base_service_cost.known_on
    from base_service_cost
    left join base_exchange_rate
        on
            base_service_cost.currency_code = base_exchange_rate.currency_code
            and case
                when base_service_cost.month > {{ as_of_date() }} then {{ as_of_date() }}
                else base_service_cost.month
            end = base_exchange_rate.rate_date
    left join customer_identity
        on
            base_service_cost.source = customer_identity.source
            and customer_identity.object = 'customers'
            and base_service_cost.customer_ref = customer_identity.native_id
    where base_service_cost.row_key is not null

)

select * from service_costs
