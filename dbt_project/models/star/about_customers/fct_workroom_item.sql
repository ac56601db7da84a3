-- Grain: one row per item in a customer's workroom; the title stays private.

with base_workroom_item as (

    select * from {{ ref('base_workroom_item') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

workroom_items as (

    select
        {{ surrogate_key('base_workroom_item.source', 'workroom_items', 'base_workroom_item.row_key') }}
            as workroom_item_key,
        customer_identity.customer_key,
        {{ surrogate_key('base_workroom_item.source', 'employees', 'base_workroom_item.employee_id') }}
            as employee_key,
        {{ date_key('base_workroom_item.opened_date') }} as opened_date_key,
        base_workroom_item.item_id,
        coalesce(base_workroom_item.status = 'open', base_workroom_item.closed_at is null) as is_open,
        base_workroom_item.item_type,
        base_workroom_item.status,
        base_workroom_item.opened_at,
        base_workroom_item.opened_date,
        base_workroom_item.due_on,
        base_workroom_item.closed_at,
        base_workroom_item.closed_date,
        base_workroom_item.ends_on,
        base_workroom_item.source,
        base_workroom_item.known_on
    from base_workroom_item
    left join customer_identity
        on
            base_workroom_item.source = customer_identity.source
            and customer_identity.object = 'customers'
            and base_workroom_item.customer_ref = customer_identity.native_id
    where base_workroom_item.row_key is not null

)

select * from workroom_items
