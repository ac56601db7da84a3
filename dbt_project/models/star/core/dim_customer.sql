{%- set attributes = [
    'parent_customer_id', 'account_manager_id', 'customer_type', 'country', 'postal_code', 'birth_year', 'language',
    'preferred_channel', 'industry', 'segment', 'acquired_date'
] -%}

-- Grain: one row per customer and version (SCD2): valid_to is exclusive, null while it stands.
-- Only what may be published: no names, addresses or native ids; quasi-identifiers are generalised.
-- Of several CRM records of one customer, each attribute is what the one that changed last says, the deleted
-- ones last. What another source gives, where golden_value says so, has no history and holds for all.
-- is_profiling_allowed is the same on every version: what the customer wants today rules all history.

with customer_version as (

    select * from {{ ref('customer_version') }}

),

customer_versions as (

    select * from {{ ref('stg_crm__customer_versions') }}

),

customer_consent as (

    select * from {{ ref('customer_consent') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

golden_value as (

    select * from {{ ref('golden_value') }}

),

owned as (

    select
        customer_version.*,
        customer_identity.customer_key
    from customer_version
    left join customer_identity
        on
            customer_version.source = customer_identity.source
            and customer_identity.object = 'customers'
            and customer_version.customer_id = customer_identity.native_id
    where customer_version.customer_id is not null

),

-- Two rows whose id differs only in blanks are one record: the last version of a day stands.
ranked as (

    select
        owned.*,
        row_number() over (
            partition by customer_id, holds_from order by changed_at desc, version_number desc, row_key desc
        ) as day_rank
    from owned

),

record_periods as (

    select
        ranked.*,
        lead(holds_from) over (partition by customer_id order by holds_from) as holds_to
    from ranked
    where day_rank = 1

),

days as (

    select distinct
        customer_key,
        holds_from as day
    from record_periods

),

periods as (

    select
        customer_key,
        day,
        case
            when lag(day) over (partition by customer_key order by day) is null then date '1900-01-01'
            else day
        end as valid_from,
        lead(day) over (partition by customer_key order by day) as valid_to
    from days

),

stated as (

    select
        periods.customer_key,
        periods.valid_from,
        periods.valid_to,
        record_periods.is_deleted,
        record_periods.source,
        case when record_periods.is_deleted then '0' else '1' end
        || cast(record_periods.changed_at as string) || '|' || record_periods.row_key as said_key,
        {%- for attribute in attributes if attribute != 'birth_year' %}
        content.{{ attribute }},
        {%- endfor %}
        cast(extract(year from content.birth_date) as bigint) as birth_year
    from periods
    inner join record_periods
        on
            periods.customer_key = record_periods.customer_key
            and periods.day >= record_periods.holds_from
            and (record_periods.holds_to is null or periods.day < record_periods.holds_to)
    inner join customer_versions as content
        on
            record_periods.row_key = content.row_key
            and record_periods.content_version_number = content.version_number

),

said as (

    select
        customer_key,
        valid_from,
        valid_to,
        {%- for attribute in attributes %}
        {{ latest_said(attribute) }} as {{ attribute }},
        {%- endfor %}
        min(case when is_deleted then 1 else 0 end) = 1 as is_deleted,
        max(source) as source
    from stated
    group by customer_key, valid_from, valid_to

),

given_elsewhere as (

    select
        customer_key,
        max(case when attribute = 'country' then survivor end) as country,
        max(case when attribute = 'postal_code' then survivor end) as postal_code,
        max(case when attribute = 'birth_year' then survivor end) as birth_year
    from golden_value
    where source <> 'crm'
    group by customer_key

),

profiling_consents as (

    select
        customer_key,
        min(case when is_granted then 1 else 0 end) = 1 as is_granted
    from customer_consent
    where purpose = 'profiling' and is_current
    group by customer_key

),

completed as (

    select
        said.*,
        coalesce(given_elsewhere.country, said.country) as country_known,
        coalesce(given_elsewhere.postal_code, said.postal_code) as postal_code_known,
        coalesce(cast(given_elsewhere.birth_year as bigint), said.birth_year) as birth_year_known,
        parent_identity.customer_key as parent_customer_key,
        coalesce(profiling_consents.is_granted, true) as is_profiling_allowed
    from said
    left join given_elsewhere on said.customer_key = given_elsewhere.customer_key
    left join customer_identity as parent_identity
        on
            said.source = parent_identity.source
            and parent_identity.object = 'customers'
            and said.parent_customer_id = parent_identity.native_id
    left join profiling_consents on said.customer_key = profiling_consents.customer_key

),

versions as (

    select
        md5(customer_key || '|' || cast(valid_from as string)) as customer_version_key,
        customer_key,
        case when parent_customer_key <> customer_key then parent_customer_key end as parent_customer_key,
        {{ surrogate_key('source', 'employees', 'account_manager_id') }} as account_manager_employee_key,
        customer_type,
        country_known as country,
        upper(substr(postal_code_known, 1, 2)) as postal_area,
        cast(birth_year_known - birth_year_known % 10 as integer) as birth_decade,
        language,
        preferred_channel,
        industry,
        segment,
        acquired_date,
        is_profiling_allowed,
        is_deleted,
        valid_to is null as is_current,
        valid_from,
        valid_to,
        source
    from completed

)

select * from versions
