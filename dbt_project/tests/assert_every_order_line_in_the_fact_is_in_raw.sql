-- The fact invents no order line: each of its orders is in the log.

select fct_order_line.order_id
from {{ ref('fct_order_line') }} as fct_order_line
where not exists (
        select 1
        from {{ source('crm', 'order_lines') }} as versions
        where versions.known_on <= {{ as_of_date() }} and trim(versions.order_id) = fct_order_line.order_id
    )
