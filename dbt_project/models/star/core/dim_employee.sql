-- Grain: one row per employee, without the name. An id that only other tables know has is_listed false.

with employees as (

    select * from {{ ref('stg_crm__employees') }}

),

customer_versions as (

    select * from {{ ref('stg_crm__customer_versions') }}

),

base_order_line as (

    select * from {{ ref('base_order_line') }}

),

base_interaction as (

    select * from {{ ref('base_interaction') }}

),

base_workroom_item as (

    select * from {{ ref('base_workroom_item') }}

),

seen_references as (

    select
        source,
        employee_id
    from base_order_line
    where employee_id is not null

    union

    select
        source,
        employee_id
    from base_interaction
    where employee_id is not null

    union

    select
        source,
        employee_id
    from base_workroom_item
    where employee_id is not null

    union

    select
        source,
        account_manager_id as employee_id
    from customer_versions
    where account_manager_id is not null

),

unlisted as (

    select
        seen_references.source,
        seen_references.employee_id
    from seen_references
    where not exists (
            select 1
            from employees
            where
                employees.source = seen_references.source
                and employees.employee_id = seen_references.employee_id
        )

),

all_employees as (

    select
        source,
        employee_id,
        role,
        department,
        hired_on,
        left_on,
        true as is_listed,
        known_on
    from employees

    union all

    select
        source,
        employee_id,
        cast(null as string) as role,
        cast(null as string) as department,
        cast(null as date) as hired_on,
        cast(null as date) as left_on,
        false as is_listed,
        cast(null as date) as known_on
    from unlisted

),

keyed as (

    select
        {{ surrogate_key('source', 'employees', 'employee_id') }} as employee_key,
        employee_id,
        is_listed,
        role,
        department,
        hired_on,
        left_on,
        source,
        known_on
    from all_employees

)

select * from keyed
