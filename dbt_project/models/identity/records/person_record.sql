-- Grain: one row per reference by which a source names a person or a company, with the latest that its
-- records say. What a source says of somebody stands in many of its records; a field keeps its last value
-- that is not null. A record states its customer by number or by an order that the CRM knows; two that differ
-- state none.

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

    select
        source,
        'customers' as object,
        customer_id as native_id,
        customer_type as kind,
        first_name,
        last_name,
        cast(null as string) as full_name,
        company_name,
        registration_number,
        email,
        phone,
        street,
        postal_code,
        city,
        country,
        birth_date,
        cast(null as bigint) as birth_year,
        'crm|customers|' || parent_customer_id as parent_ref,
        cast(null as string) as customer_id,
        cast(null as string) as order_id,
        updated_at as said_at,
        known_on as first_known_on,
        known_on,
        row_key || '|' || lpad(cast(version_number as string), 10, '0') as row_key
    from customer_versions
    where customer_id is not null

    union all

    select
        source,
        'contacts' as object,
        contact_id as native_id,
        'person' as kind,
        first_name,
        last_name,
        cast(null as string) as full_name,
        cast(null as string) as company_name,
        cast(null as string) as registration_number,
        email,
        phone,
        cast(null as string) as street,
        cast(null as string) as postal_code,
        cast(null as string) as city,
        cast(null as string) as country,
        cast(null as date) as birth_date,
        cast(null as bigint) as birth_year,
        'crm|customers|' || customer_id as parent_ref,
        cast(null as string) as customer_id,
        cast(null as string) as order_id,
        updated_at as said_at,
        first_known_on,
        known_on,
        row_key
    from contacts
    where contact_id is not null

    union all

    select
        source,
        'complainants' as object,
        complainant_id as native_id,
        'person' as kind,
        cast(null as string) as first_name,
        cast(null as string) as last_name,
        full_name,
        company_name,
        cast(null as string) as registration_number,
        email,
        phone,
        cast(null as string) as street,
        postal_code,
        city,
        cast(null as string) as country,
        cast(null as date) as birth_date,
        cast(null as bigint) as birth_year,
        cast(null as string) as parent_ref,
        customer_id,
        order_id,
        updated_at as said_at,
        first_known_on,
        known_on,
        row_key
    from complaints
    where complainant_id is not null

    union all

    select
        source,
        'respondents' as object,
        respondent_id as native_id,
        'person' as kind,
        cast(null as string) as first_name,
        cast(null as string) as last_name,
        full_name,
        cast(null as string) as company_name,
        cast(null as string) as registration_number,
        email,
        cast(null as string) as phone,
        cast(null as string) as street,
        cast(null as string) as postal_code,
        cast(null as string) as city,
        cast(null as string) as country,
        cast(null as date) as birth_date,
        cast(null as bigint) as birth_year,
        cast(null as string) as parent_ref,
        customer_id,
        cast(null as string) as order_id,
        updated_at as said_at,
        first_known_on,
        known_on,
        row_key
    from invitations
    where respondent_id is not null

    union all

    select
        source,
        'respondents' as object,
        respondent_id as native_id,
        'person' as kind,
        cast(null as string) as first_name,
        cast(null as string) as last_name,
        full_name,
        cast(null as string) as company_name,
        cast(null as string) as registration_number,
        email,
        phone,
        cast(null as string) as street,
        postal_code,
        cast(null as string) as city,
        cast(null as string) as country,
        cast(null as date) as birth_date,
        cast(null as bigint) as birth_year,
        cast(null as string) as parent_ref,
        customer_id,
        order_id,
        updated_at as said_at,
        first_known_on,
        known_on,
        row_key
    from responses
    where respondent_id is not null

    union all

    select
        source,
        'readers' as object,
        reader_id as native_id,
        'person' as kind,
        cast(null as string) as first_name,
        cast(null as string) as last_name,
        full_name,
        cast(null as string) as company_name,
        cast(null as string) as registration_number,
        email,
        cast(null as string) as phone,
        cast(null as string) as street,
        cast(null as string) as postal_code,
        cast(null as string) as city,
        cast(null as string) as country,
        cast(null as date) as birth_date,
        cast(null as bigint) as birth_year,
        cast(null as string) as parent_ref,
        customer_id,
        cast(null as string) as order_id,
        updated_at as said_at,
        first_known_on,
        known_on,
        row_key
    from deliveries
    where reader_id is not null

    union all

    select
        source,
        'readers' as object,
        reader_id as native_id,
        'person' as kind,
        cast(null as string) as first_name,
        cast(null as string) as last_name,
        full_name,
        cast(null as string) as company_name,
        cast(null as string) as registration_number,
        cast(null as string) as email,
        cast(null as string) as phone,
        cast(null as string) as street,
        cast(null as string) as postal_code,
        cast(null as string) as city,
        cast(null as string) as country,
        cast(null as date) as birth_date,
        cast(null as bigint) as birth_year,
        cast(null as string) as parent_ref,
        customer_id,
        cast(null as string) as order_id,
        searched_at as said_at,
        first_known_on,
        known_on,
        row_key
    from searches
    where reader_id is not null

    union all

    select
        source,
        'members' as object,
        member_id as native_id,
        'person' as kind,
        cast(null as string) as first_name,
        cast(null as string) as last_name,
        full_name,
        company_name,
        cast(null as string) as registration_number,
        email,
        cast(null as string) as phone,
        cast(null as string) as street,
        cast(null as string) as postal_code,
        cast(null as string) as city,
        country,
        cast(null as date) as birth_date,
        birth_year,
        cast(null as string) as parent_ref,
        customer_id,
        cast(null as string) as order_id,
        updated_at as said_at,
        first_known_on,
        known_on,
        row_key
    from members
    where member_id is not null

    union all

    -- a contribution's member may have no row of its own
    select
        source,
        'members' as object,
        member_id as native_id,
        'person' as kind,
        cast(null as string) as first_name,
        cast(null as string) as last_name,
        cast(null as string) as full_name,
        cast(null as string) as company_name,
        cast(null as string) as registration_number,
        cast(null as string) as email,
        cast(null as string) as phone,
        cast(null as string) as street,
        cast(null as string) as postal_code,
        cast(null as string) as city,
        cast(null as string) as country,
        cast(null as date) as birth_date,
        cast(null as bigint) as birth_year,
        cast(null as string) as parent_ref,
        cast(null as string) as customer_id,
        cast(null as string) as order_id,
        updated_at as said_at,
        first_known_on,
        known_on,
        row_key
    from contributions
    where member_id is not null

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
        {{ latest_said('kind') }} as kind,
        {{ latest_said('first_name') }} as first_name,
        {{ latest_said('last_name') }} as last_name,
        {{ latest_said('full_name') }} as full_name,
        {{ latest_said('company_name') }} as company_name,
        {{ latest_said('registration_number') }} as registration_number,
        {{ latest_said('email') }} as email,
        {{ latest_said('phone') }} as phone,
        {{ latest_said('street') }} as street,
        {{ latest_said('postal_code') }} as postal_code,
        {{ latest_said('city') }} as city,
        {{ latest_said('country') }} as country,
        {{ latest_said('birth_date') }} as birth_date,
        {{ latest_said('birth_year') }} as birth_year,
        {{ latest_said('parent_ref') }} as parent_ref,
        case when count(distinct stated_customer_id) = 1 then 'crm|customers|' || max(stated_customer_id) end
            as stated_ref,
        min(first_known_on) as known_on,
        max(known_on) as changed_on
    from stating
    group by record_ref, source, object, native_id

)

select * from records
