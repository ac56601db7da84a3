-- Every order line that the log holds on the as-of date, once and with its amount, is in the fact.

with in_raw as (

    select
        versions.order_id,
        count(*) as line_count,
        sum(
            cast(
                versions.quantity * versions.unit_price
                - coalesce(versions.discount_amount, 0) as decimal(18, 4)
            )
        ) as net_amount
    from {{ source('crm', 'order_lines') }} as versions
    where
        versions.known_on <= {{ as_of_date() }}
        and not versions.is_deleted
        and not exists (
            select 1
            from {{ source('crm', 'order_lines') }} as later
            where
                later.row_key = versions.row_key
                and later.known_on <= {{ as_of_date() }}
                and later.version_number > versions.version_number
        )
    group by versions.order_id

),

totals_in_raw as (

    select
        trim(order_id) as order_id,
        sum(line_count) as line_count,
        sum(net_amount) as net_amount
    from in_raw
    group by trim(order_id)

),

in_fact as (

    select
        order_id,
        count(*) as line_count,
        sum(net_amount) as net_amount
    from {{ ref('fct_order_line') }}
    group by order_id

)

select
    totals_in_raw.order_id,
    totals_in_raw.line_count,
    in_fact.line_count as lines_in_fact,
    totals_in_raw.net_amount,
    in_fact.net_amount as net_amount_in_fact
from totals_in_raw
left join in_fact on totals_in_raw.order_id = in_fact.order_id
where
    in_fact.order_id is null
    or totals_in_raw.line_count <> in_fact.line_count
    or totals_in_raw.net_amount <> in_fact.net_amount
