-- The sales of states and purchases, which are kept from night to night, are the fact's, summed by another
-- road: all sale lines less the days without a purchase.

with state_sales as (

    select
        coalesce(sum(gross_sales), 0) as gross_sales,
        coalesce(sum(purchase_days), 0) as purchase_days
    from {{ ref('rfm_state') }}

),

purchase_sales as (

    select
        coalesce(sum(purchase_value), 0) as gross_sales,
        count(*) as purchase_days
    from {{ ref('purchase') }}

),

sale_days as (

    select
        customer_key,
        order_date,
        sum(case when line_kind = 'sale' and not is_cancelled then net_revenue end) as day_value
    from {{ ref('fct_order_line') }}
    where customer_key is not null and order_date <= {{ as_of_date() }}
    group by customer_key, order_date

),

fact_sales as (

    select
        coalesce(sum(case when day_value > 0 then day_value end), 0) as gross_sales,
        coalesce(sum(case when {{ is_purchase('day_value') }} then 1 end), 0) as purchase_days
    from sale_days

)

select
    state_sales.gross_sales,
    purchase_sales.gross_sales as gross_sales_in_purchases,
    fact_sales.gross_sales as gross_sales_in_fact,
    state_sales.purchase_days,
    purchase_sales.purchase_days as purchase_days_in_purchases,
    fact_sales.purchase_days as purchase_days_in_fact
from state_sales
cross join purchase_sales
cross join fact_sales
where
    state_sales.gross_sales <> fact_sales.gross_sales
    or purchase_sales.gross_sales <> fact_sales.gross_sales
    or state_sales.purchase_days <> fact_sales.purchase_days
    or purchase_sales.purchase_days <> fact_sales.purchase_days
