{{ config(unique_key='order_month') }}
{% set columns = [
    'row_key', 'order_id', 'line_number', 'customer_ref', 'product_id', 'employee_id', 'channel',
    'order_type', 'order_status', 'quantity', 'unit_price', 'discount_amount', 'unit_cost',
    'currency_code', 'ordered_at', 'order_date', 'source', 'known_on'
] %}

-- Grain: one row per order line, with what its order's header says; a month without any keeps one empty row.
-- A line without a header is kept: its day is that of its last change, or none (month 1900-01).

with order_lines as (

    select * from {{ ref('stg_crm__order_lines') }}

),

orders as (

    select * from {{ ref('stg_crm__orders') }}

),

dated as (

    select
        order_lines.row_key,
        order_lines.order_id,
        order_lines.line_number,
        orders.customer_id as customer_ref,
        order_lines.product_id,
        orders.employee_id,
        orders.channel,
        coalesce(orders.order_type, 'sale') as order_type,
        coalesce(orders.status, 'completed') as order_status,
        order_lines.quantity,
        order_lines.unit_price,
        order_lines.discount_amount,
        order_lines.unit_cost,
        coalesce(
            order_lines.currency_code, orders.currency_code, {{ reporting_currency() }}
        ) as currency_code,
        orders.ordered_at,
        coalesce(orders.ordered_date, order_lines.updated_date) as order_date,
        order_lines.source,
        {{ later_date('order_lines.known_on', 'orders.known_on') }} as known_on
    from order_lines
    left join orders on order_lines.order_id = orders.order_id

),

latest_rows as (

    select
        dated.*,
        {{ month_start("coalesce(dated.order_date, date '1900-01-01')") }} as order_month
    from dated

),

{{ reload_changed_months('latest_rows', 'order_month', columns) }}
