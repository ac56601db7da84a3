-- Grain: one row per order line of the source, cancelled and unknown customers' lines included.
-- Money is converted here and not in the base, so that a rate that arrives late reaches old lines, too.

with base_order_line as (

    select * from {{ ref('base_order_line') }}

),

base_exchange_rate as (

    select * from {{ ref('base_exchange_rate') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

-- Lines of orders dated after the as-of date take the latest rate known.
priced as (

    select
        base_order_line.*,
        base_order_line.order_status = 'cancelled' as is_cancelled,
        cast(
            base_order_line.quantity * base_order_line.unit_price
            - coalesce(base_order_line.discount_amount, 0) as decimal(18, 4)
        ) as net_amount,
        cast(base_order_line.quantity * base_order_line.unit_cost as decimal(18, 4)) as cost_amount,
        base_order_line.currency_code = {{ reporting_currency() }} as is_in_reporting_currency,
        base_exchange_rate.rate_to_reporting
    from base_order_line
    left join base_exchange_rate
        on
            base_order_line.currency_code = base_exchange_rate.currency_code
            and case
                when base_order_line.order_date > {{ as_of_date() }} then {{ as_of_date() }}
                else base_order_line.order_date
            end = base_exchange_rate.rate_date
    where base_order_line.row_key is not null

),

order_lines as (

    select
        {{ surrogate_key('priced.source', 'order_lines', 'priced.row_key') }} as order_line_key,
        {{ surrogate_key('priced.source', 'orders', 'priced.order_id') }} as order_key,
        customer_identity.customer_key,
        {{ surrogate_key('priced.source', 'products', 'priced.product_id') }} as product_key,
        {{ surrogate_key('priced.source', 'employees', 'priced.employee_id') }} as employee_key,
        md5('channel|' || priced.channel) as channel_key,
        {{ date_key('priced.order_date') }} as order_date_key,
        priced.order_id,
        priced.line_number,
        priced.order_type,
        -- a write-off is often booked as a line of negative quantity at no price and without a customer
        case
            when priced.order_type = 'adjustment' then 'adjustment'
            when priced.quantity < 0 and priced.unit_price = 0 and priced.customer_ref is null
                then 'adjustment'
            when priced.order_type = 'return' or priced.quantity < 0 then 'return'
            else 'sale'
        end as line_kind,
        priced.is_cancelled,
        priced.quantity,
        priced.unit_price,
        priced.discount_amount,
        priced.net_amount,
        case
            when priced.is_cancelled then cast(0 as decimal(18, 4))
            when priced.is_in_reporting_currency then priced.net_amount
            else cast(priced.net_amount * priced.rate_to_reporting as decimal(18, 4))
        end as net_revenue,
        case
            when priced.is_cancelled then cast(0 as decimal(18, 4))
            when priced.is_in_reporting_currency then priced.cost_amount
            else cast(priced.cost_amount * priced.rate_to_reporting as decimal(18, 4))
        end as net_cost,
        priced.currency_code,
        priced.ordered_at,
        priced.order_date,
        priced.source,
        priced.known_on
    from priced
    left join customer_identity
        on
            priced.source = customer_identity.source
            and customer_identity.object = 'customers'
            and priced.customer_ref = customer_identity.native_id

)

select * from order_lines
