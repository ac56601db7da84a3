{{ config(unique_key='order_month') }}
{% set row_changes = ref('stg_crm__row_changes') %}

-- Grain: one row per order line, with what its order's header says; a month without any keeps one empty row.
-- Whole months are written again, so a line that moves to another month (its order's date changed) leaves the
-- old one. A line without a header is kept: its day is that of its last change, or none (month 1900-01).

with order_lines as (

    select * from {{ ref('stg_crm__order_lines') }}

),

orders as (

    select * from {{ ref('stg_crm__orders') }}

),

dated as (

    select
        order_lines.row_key,
        orders.row_key as order_row_key,
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

{{ months_to_reload(
    'latest_rows',
    'order_month',
    row_changes,
    {'row_key': 'order_lines', 'order_row_key': 'orders'}
) }},

reloaded as (

    select
        reload_months.order_month,
        latest_rows.row_key,
        latest_rows.order_row_key,
        latest_rows.order_id,
        latest_rows.line_number,
        latest_rows.customer_ref,
        latest_rows.product_id,
        latest_rows.employee_id,
        latest_rows.channel,
        latest_rows.order_type,
        latest_rows.order_status,
        latest_rows.quantity,
        latest_rows.unit_price,
        latest_rows.discount_amount,
        latest_rows.unit_cost,
        latest_rows.currency_code,
        latest_rows.ordered_at,
        latest_rows.order_date,
        latest_rows.source,
        latest_rows.known_on
    from reload_months
    left join latest_rows on reload_months.order_month = latest_rows.order_month

)

select * from reloaded
