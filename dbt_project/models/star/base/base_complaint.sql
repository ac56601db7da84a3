{{ config(unique_key='received_month') }}
{% set columns = [
    'row_key', 'complaint_id', 'customer_ref', 'person_ref', 'order_id', 'product_id', 'category', 'subcategory',
    'channel', 'priority', 'status', 'resolution', 'root_cause', 'received_by_employee_id', 'owner_employee_id',
    'resolved_by_employee_id', 'is_timely', 'is_disputed', 'compensation_amount', 'currency_code', 'received_at',
    'received_date', 'first_action_at', 'first_action_date', 'due_at', 'due_date', 'resolved_at', 'resolved_date',
    'closed_at', 'closed_date', 'source', 'known_on'
] %}

-- Grain: one row per complaint; a month without complaints keeps one empty row.

with complaints as (

    select * from {{ ref('stg_complaints__complaints') }}

),

dated as (

    select
        complaints.row_key,
        complaints.complaint_id,
        complaints.customer_id as customer_ref,
        complaints.complainant_id as person_ref,
        complaints.order_id,
        complaints.product_id,
        complaints.category,
        complaints.subcategory,
        complaints.channel,
        complaints.priority,
        complaints.status,
        complaints.resolution,
        complaints.root_cause,
        complaints.received_by_employee_id,
        complaints.owner_employee_id,
        complaints.resolved_by_employee_id,
        complaints.is_timely,
        complaints.is_disputed,
        complaints.compensation_amount,
        complaints.currency_code,
        complaints.received_at,
        complaints.received_date,
        complaints.first_action_at,
        complaints.first_action_date,
        complaints.due_at,
        complaints.due_date,
        complaints.resolved_at,
        complaints.resolved_date,
        complaints.closed_at,
        complaints.closed_date,
        complaints.source,
        complaints.known_on
    from complaints

),

latest_rows as (

    select
        dated.*,
        {{ month_start("coalesce(dated.received_date, date '1900-01-01')") }} as received_month
    from dated

),

{{ reload_changed_months('latest_rows', 'received_month', columns) }}
