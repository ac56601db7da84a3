{{ config(unique_key='opened_month') }}
{% set columns = [
    'row_key', 'item_id', 'customer_ref', 'employee_id', 'item_type', 'status', 'opened_at',
    'opened_date', 'due_on', 'closed_at', 'closed_date', 'ends_on', 'source', 'known_on'
] %}

-- Grain: one row per item in a customer's workroom; a month without any keeps one empty row.

with workroom_items as (

    select * from {{ ref('stg_crm__workroom_items') }}

),

dated as (

    select
        workroom_items.row_key,
        workroom_items.item_id,
        workroom_items.customer_id as customer_ref,
        workroom_items.owner_employee_id as employee_id,
        workroom_items.item_type,
        workroom_items.status,
        workroom_items.opened_at,
        workroom_items.opened_date,
        workroom_items.due_on,
        workroom_items.closed_at,
        workroom_items.closed_date,
        workroom_items.ends_on,
        workroom_items.source,
        workroom_items.known_on
    from workroom_items

),

latest_rows as (

    select
        dated.*,
        {{ month_start("coalesce(dated.opened_date, date '1900-01-01')") }} as opened_month
    from dated

),

{{ reload_changed_months('latest_rows', 'opened_month', columns) }}
