-- Every version but the last ends on the day on which the next one begins; the first begins in 1900.

with versions as (

    select
        customer_key,
        valid_from,
        valid_to,
        lag(valid_to) over (partition by customer_key order by valid_from) as valid_to_before,
        row_number() over (partition by customer_key order by valid_from) as version_rank,
        row_number() over (partition by customer_key order by valid_from desc) as version_rank_from_last
    from {{ ref('dim_customer') }}

)

select *
from versions
where
    (version_rank = 1 and valid_from <> date '1900-01-01')
    or (version_rank > 1 and (valid_to_before is null or valid_to_before <> valid_from))
    or (version_rank_from_last = 1 and valid_to is not null)
    or (version_rank_from_last > 1 and valid_to is null)
