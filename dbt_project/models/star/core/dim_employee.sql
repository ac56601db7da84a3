{%- set referring = {
    'stg_crm__customer_versions': ['account_manager_id'],
    'base_order_line': ['employee_id'],
    'base_interaction': ['employee_id'],
    'base_workroom_item': ['employee_id'],
    'base_complaint': ['received_by_employee_id', 'owner_employee_id', 'resolved_by_employee_id'],
    'base_complaint_event': ['employee_id'],
    'base_observation': ['employee_id'],
    'base_knowledge_delivery': ['employee_id'],
    'stg_knowledge__experts': ['employee_id'],
    'stg_community__initiatives': ['owner_employee_id']
} -%}

-- Grain: one row per employee, without the name. An id that only other tables know has is_listed false.

with employees as (

    select * from {{ ref('stg_crm__employees') }}

),
{%- for model in referring %}

{{ model }} as (

    select * from {{ ref(model) }}

),
{%- endfor %}

-- Whatever source names an employee names them by the CRM's id.
seen_references as (
    {%- for model, columns in referring.items() %}
    {%- set last_model = loop.last %}
    {%- for column in columns %}

    select
        'crm' as source,
        {{ column }} as employee_id
    from {{ model }}
    where {{ column }} is not null
    {%- if not (loop.last and last_model) %}

    union
    {%- endif %}
    {%- endfor %}
    {%- endfor %}

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
