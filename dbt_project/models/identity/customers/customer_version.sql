{{ config(materialized='view') }}

-- Grain: one row per version of a CRM customer's row, with the day from which it holds.
-- The last version of a night is what stood at its end. It holds from the day on which the CRM changed it, or
-- from the night where that is unknown or not after what was known: a correction does not rewrite the past.
-- A version before it in the same night came late, and belongs to the day of its own change.
-- What was written again behind a late version is no version of its own.

with customer_versions as (

    select * from {{ ref('stg_crm__customer_versions') }}

),

numbered as (

    select
        row_key,
        customer_id,
        version_number,
        content_hash,
        is_deleted,
        updated_at,
        updated_date,
        known_on,
        source,
        row_number() over (partition by row_key, known_on order by version_number desc) = 1 as is_standing,
        max(updated_at) over (
            partition by row_key
            order by version_number
            rows between unbounded preceding and 1 preceding
        ) as updated_at_before,
        -- a deletion keeps the attributes of the version before it, whatever the deleting version holds
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

dated as (

    select
        numbered.*,
        coalesce(
            not is_deleted
            and updated_at is not null
            and (not is_standing or updated_at_before is null or updated_at > updated_at_before),
            false
        ) as is_dated,
        lag(content_hash) over (partition by row_key, is_standing order by version_number)
            as content_hash_before
    from numbered

),

placed as (

    select
        dated.*,
        case
            when is_dated and updated_date < known_on then updated_date
            else known_on
        end as own_day,
        case
            when is_dated and updated_date <= known_on then updated_at
            else cast({{ add_days('known_on', 1) }} as timestamp)
        end as own_moment
    from dated

),

in_order as (

    select
        row_key,
        customer_id,
        version_number,
        content_version_number,
        is_deleted,
        source,
        known_on,
        is_standing and content_hash = content_hash_before as is_written_again,
        case
            when is_standing
                then
                    max(own_day) over (
                        partition by row_key, is_standing
                        order by version_number
                        rows between unbounded preceding and current row
                    )
            else own_day
        end as holds_from,
        case
            when is_standing
                then
                    max(own_moment) over (
                        partition by row_key, is_standing
                        order by version_number
                        rows between unbounded preceding and current row
                    )
            else own_moment
        end as changed_at
    from placed

)

select
    row_key,
    customer_id,
    version_number,
    content_version_number,
    is_deleted,
    source,
    known_on,
    holds_from,
    changed_at
from in_order
where not coalesce(is_written_again, false)
