-- Grain: one row per customer and version (SCD2): valid_to is exclusive, null while it stands.
-- Only what may be published: no names, addresses or native ids; quasi-identifiers are generalised.
-- is_profiling_allowed is the same on every version: what the customer wants today rules over all history.

with customer_versions as (

    select * from {{ ref('stg_crm__customer_versions') }}

),

consents as (

    select * from {{ ref('stg_crm__consents') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

-- A deletion keeps the attributes of the version before it, whatever the deleting version holds.
content_numbers as (

    select
        row_key,
        customer_id,
        known_on,
        version_number,
        is_deleted,
        source,
        coalesce(
            max(case when not is_deleted then version_number end) over (
                partition by row_key
                order by version_number
                rows between unbounded preceding and current row
            ),
            version_number
        ) as content_version_number
    from customer_versions

),

-- Two rows whose id differs only in blanks are one customer: the last version of a day stands.
ranked as (

    select
        content_numbers.*,
        row_number() over (
            partition by customer_id, known_on order by version_number desc, row_key desc
        ) as day_rank
    from content_numbers

),

periods as (

    select
        row_key,
        customer_id,
        content_version_number,
        is_deleted,
        source,
        case
            when lag(known_on) over (partition by customer_id order by known_on) is null
                then date '1900-01-01'
            else known_on
        end as valid_from,
        lead(known_on) over (partition by customer_id order by known_on) as valid_to
    from ranked
    where day_rank = 1

),

-- The latest statement decides; of two at the same moment the refusal does.
profiling_consents as (

    select
        customer_id,
        is_granted,
        row_number() over (
            partition by customer_id
            order by stated_at desc nulls last, is_granted asc nulls last, known_on desc, row_key asc
        ) as recency
    from consents
    where purpose = 'profiling'

),

versions as (

    select
        md5(
            customer_identity.customer_key || '|' || cast(periods.valid_from as string)
        ) as customer_version_key,
        customer_identity.customer_key,
        parent_identity.customer_key as parent_customer_key,
        {{ surrogate_key('content.source', 'employees', 'content.account_manager_id') }}
            as account_manager_employee_key,
        content.customer_type,
        content.country,
        upper(substr(content.postal_code, 1, 2)) as postal_area,
        cast(extract(year from content.birth_date) - extract(year from content.birth_date) % 10 as integer)
            as birth_decade,
        content.language,
        content.preferred_channel,
        content.industry,
        content.segment,
        content.acquired_date,
        coalesce(profiling_consents.is_granted, true) as is_profiling_allowed,
        periods.is_deleted,
        periods.valid_to is null as is_current,
        periods.valid_from,
        periods.valid_to,
        periods.source
    from periods
    inner join customer_versions as content
        on
            periods.row_key = content.row_key
            and periods.content_version_number = content.version_number
    left join customer_identity
        on
            periods.source = customer_identity.source
            and customer_identity.object = 'customers'
            and periods.customer_id = customer_identity.native_id
    left join customer_identity as parent_identity
        on
            periods.source = parent_identity.source
            and parent_identity.object = 'customers'
            and content.parent_customer_id = parent_identity.native_id
    left join profiling_consents
        on periods.customer_id = profiling_consents.customer_id and profiling_consents.recency = 1

)

select * from versions
