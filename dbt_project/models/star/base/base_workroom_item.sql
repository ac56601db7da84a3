{{ config(unique_key='opened_month') }}
{% set row_changes = ref('stg_crm__row_changes') %}

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

{{ months_to_reload('latest_rows', 'opened_month', row_changes, {'row_key': 'workroom_items'}) }},

reloaded as (

    select
        reload_months.opened_month,
        latest_rows.row_key,
        latest_rows.item_id,
        latest_rows.customer_ref,
        latest_rows.employee_id,
        latest_rows.item_type,
        latest_rows.status,
        latest_rows.opened_at,
        latest_rows.opened_date,
        latest_rows.due_on,
        latest_rows.closed_at,
        latest_rows.closed_date,
        latest_rows.ends_on,
        latest_rows.source,
        latest_rows.known_on
    from reload_months
    left join latest_rows on reload_months.opened_month = latest_rows.opened_month

)

select * from reloaded
