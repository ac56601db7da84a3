-- Grain: one row per version of a row, deletions included, of each object from which a fact is made.
-- The base facts learn from it which months to reload.

with row_changes as (

    select
        'crm' as source,
        'order_lines' as object,
        row_key,
        known_on
    from {{ source('crm', 'order_lines') }}
    where known_on <= {{ as_of_date() }}

    union all

    select
        'crm' as source,
        'orders' as object,
        row_key,
        known_on
    from {{ source('crm', 'orders') }}
    where known_on <= {{ as_of_date() }}

    union all

    select
        'crm' as source,
        'shipments' as object,
        row_key,
        known_on
    from {{ source('crm', 'shipments') }}
    where known_on <= {{ as_of_date() }}

    union all

    select
        'crm' as source,
        'usage_events' as object,
        row_key,
        known_on
    from {{ source('crm', 'usage_events') }}
    where known_on <= {{ as_of_date() }}

    union all

    select
        'crm' as source,
        'interactions' as object,
        row_key,
        known_on
    from {{ source('crm', 'interactions') }}
    where known_on <= {{ as_of_date() }}

    union all

    select
        'crm' as source,
        'contacts' as object,
        row_key,
        known_on
    from {{ source('crm', 'contacts') }}
    where known_on <= {{ as_of_date() }}

    union all

    select
        'crm' as source,
        'subscriptions' as object,
        row_key,
        known_on
    from {{ source('crm', 'subscriptions') }}
    where known_on <= {{ as_of_date() }}

    union all

    select
        'crm' as source,
        'workroom_items' as object,
        row_key,
        known_on
    from {{ source('crm', 'workroom_items') }}
    where known_on <= {{ as_of_date() }}

)

select * from row_changes
