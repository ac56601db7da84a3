{#- what a row may say of somebody, and the type of what it does not say -#}
{%- set columns = {
    'kind': 'string', 'first_name': 'string', 'last_name': 'string', 'full_name': 'string',
    'company_name': 'string', 'registration_number': 'string', 'email': 'string', 'phone': 'string',
    'street': 'string', 'postal_code': 'string', 'city': 'string', 'country': 'string', 'birth_date': 'date',
    'birth_year': 'bigint', 'parent_ref': 'string', 'customer_id': 'string', 'order_id': 'string'
} -%}
{%- set person = {'kind': "'person'"} -%}
{#- rows that say something, whom, by which id, what under the same name, and what otherwise -#}
{%- set sayings = [
    ('customer_versions', 'customers', 'customer_id',
        'first_name last_name company_name registration_number email phone street postal_code city country birth_date',
        {
            'kind': 'customer_type',
            'parent_ref': "'crm|customers|' || parent_customer_id",
            'first_known_on': 'known_on',
            'row_key': "row_key || '|' || lpad(cast(version_number as string), 10, '0')",
        }),
    ('contacts', 'contacts', 'contact_id', 'first_name last_name email phone',
        {'kind': "'person'", 'parent_ref': "'crm|customers|' || customer_id"}),
    ('complaints', 'complainants', 'complainant_id',
        'full_name company_name email phone postal_code city customer_id order_id', person),
    ('invitations', 'respondents', 'respondent_id', 'full_name email customer_id', person),
    ('responses', 'respondents', 'respondent_id', 'full_name email phone postal_code customer_id order_id', person),
    ('deliveries', 'readers', 'reader_id', 'full_name email customer_id', person),
    ('searches', 'readers', 'reader_id', 'full_name customer_id', {'kind': "'person'", 'said_at': 'searched_at'}),
    ('members', 'members', 'member_id', 'full_name company_name email country birth_year customer_id', person),
    ('contributions', 'members', 'member_id', '', person)
] -%}

-- Grain: one row per reference by which a source names a person or a company, with the latest that its
-- records say. What a source says of somebody stands in many of its records; a field keeps its last value
-- that is not null. A contribution's member may have no row of its own. A record states its customer by
-- number or by an order that the CRM knows; two that differ state none.

with customer_versions as (

    select * from {{ ref('stg_crm__customer_versions') }}

),

contacts as (

    select * from {{ ref('stg_crm__contacts') }}

),

orders as (

    select * from {{ ref('stg_crm__orders') }}

),

complaints as (

    select * from {{ ref('stg_complaints__complaints') }}

),

invitations as (

    select * from {{ ref('stg_surveys__invitations') }}

),

responses as (

    select * from {{ ref('stg_surveys__responses') }}

),

deliveries as (

    select * from {{ ref('stg_knowledge__deliveries') }}

),

searches as (

    select * from {{ ref('stg_knowledge__searches') }}

),

members as (

    select * from {{ ref('stg_community__members') }}

),

contributions as (

    select * from {{ ref('stg_community__contributions') }}

),

said as (
    {%- for relation, object, native_id, named, otherwise in sayings %}

    select
        source,
        '{{ object }}' as object,
        {{ native_id }} as native_id,
        {%- for column, type in columns.items() %}
        {%- if column in otherwise %}
        {{ otherwise[column] }} as {{ column }},
        {%- elif column in named.split() %}
        {{ column }},
        {%- else %}
        cast(null as {{ type }}) as {{ column }},
        {%- endif %}
        {%- endfor %}
        {{ otherwise.get('said_at', 'updated_at') }} as said_at,
        {% if 'first_known_on' in otherwise %}{{ otherwise['first_known_on'] }} as {% endif %}first_known_on,
        known_on,
        {% if 'row_key' in otherwise %}{{ otherwise['row_key'] }} as {% endif %}row_key
    from {{ relation }}
    where {{ native_id }} is not null
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

stating as (

    select
        said.*,
        said.source || '|' || said.object || '|' || said.native_id as record_ref,
        coalesce(said.customer_id, orders.customer_id) as stated_customer_id,
        coalesce(cast(said.said_at as string), '')
        || '|' || cast(said.known_on as string)
        || '|' || said.row_key as said_key
    from said
    left join orders on said.order_id = orders.order_id

),

records as (

    select
        record_ref,
        source,
        object,
        native_id,
        {%- for column in columns if column not in ('customer_id', 'order_id') %}
        {{ latest_said(column) }} as {{ column }},
        {%- endfor %}
        case when count(distinct stated_customer_id) = 1 then 'crm|customers|' || max(stated_customer_id) end
            as stated_ref,
        min(first_known_on) as known_on,
        max(known_on) as changed_on
    from stating
    group by record_ref, source, object, native_id

)

select * from records
