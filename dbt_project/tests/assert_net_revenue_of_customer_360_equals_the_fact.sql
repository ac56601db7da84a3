-- The mart's revenue and the fact's for the same customers, up to the as-of date, are one number.

with in_mart as (

    select coalesce(sum(net_revenue), 0) as net_revenue from {{ ref('customer_360') }}

),

in_fact as (

    select coalesce(sum(fct_order_line.net_revenue), 0) as net_revenue
    from {{ ref('fct_order_line') }} as fct_order_line
    inner join {{ ref('dim_customer_current') }} as dim_customer_current
        on fct_order_line.customer_key = dim_customer_current.customer_key
    where
        not dim_customer_current.is_deleted
        and (fct_order_line.order_date is null or fct_order_line.order_date <= {{ as_of_date() }})

)

select
    in_mart.net_revenue,
    in_fact.net_revenue as net_revenue_in_fact
from in_mart
cross join in_fact
where in_mart.net_revenue <> in_fact.net_revenue
