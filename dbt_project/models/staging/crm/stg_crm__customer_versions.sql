-- Grain: one row per customer and version of it that was known on the as-of date.

with source as (

    select *
    from {{ source('crm', 'customers') }}
    where known_on <= {{ as_of_date() }}

),

-- A deletion may be logged without the row's content: the id is taken from the key's other versions.
identified as (

    select
        source.*,
        max({{ clean_text('customer_id') }}) over (partition by source.row_key) as known_customer_id
    from source

),

with_id as (

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
        identified.content_hash,
        identified.is_deleted
    from identified

),

renamed as (

    select
        {{ crm_customer_columns() }},

        -- version
        version_number,
        content_hash,
        is_deleted
    from with_id

)

select * from renamed
