{{ config(unique_key='cost_month') }}
{% set columns = [
    'row_key', 'customer_ref', 'cost_kind', 'amount', 'currency_code', 'month', 'source', 'known_on'
] %}

-- Grain: one row per cost of serving a customer, per month and kind.
-- A month without costs keeps one empty row.

with service_costs as (

    select * from {{ ref('stg_crm__service_costs') }}

),

latest_rows as (

    select
        service_costs.row_key,
        service_costs.customer_id as customer_ref,
        service_costs.cost_kind,
        service_costs.amount,
        service_costs.currency_code,
        service_costs.month,
        service_costs.source,
        service_costs.known_on,
        {{ month_start("coalesce(service_costs.month, date '1900-01-01')") }} as cost_month
    from service_costs

),

{{ reload_changed_months('latest_rows', 'cost_month', columns) }}
