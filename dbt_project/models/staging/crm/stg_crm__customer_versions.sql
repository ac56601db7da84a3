-- Grain: one row per customer and day on which a version of it became known: the last of that day.

with source as (

    select
        versions.*,
        row_number() over (
            partition by versions.row_key, versions.known_on order by versions.version_number desc
        ) as recency
    from {{ source('crm', 'customers') }} as versions
    where versions.known_on <= {{ as_of_date() }}

),

-- A deletion may be logged without the row's content: the id is taken from the key's other versions.
identified as (

    select
        source.*,
        max({{ clean_text('customer_id') }}) over (partition by source.row_key) as known_customer_id
    from source

),

last_of_the_day as (

    select
        identified.row_key,
        identified.known_customer_id as customer_id,
        identified.customer_type,
        identified.parent_customer_id,
        identified.first_name,
        identified.last_name,
        identified.company_name,
        identified.registration_number,
        identified.email,
        identified.phone,
        identified.street,
        identified.postal_code,
        identified.city,
        identified.country,
        identified.birth_date,
        identified.gender,
        identified.language,
        identified.preferred_channel,
        identified.industry,
        identified.segment,
        identified.account_manager_id,
        identified.acquired_at,
        identified.created_at,
        identified.updated_at,
        identified.known_on,
        identified.version_number,
        identified.is_deleted
    from identified
    where identified.recency = 1

),

renamed as (

    select
        {{ crm_customer_columns() }},

        -- version
        version_number,
        is_deleted
    from last_of_the_day

)

select * from renamed
