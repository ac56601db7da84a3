-- A customer who opted out of profiling is in no mart of scores and has no score in customer_360.

with opted_out as (

    select customer_key from {{ ref('dim_customer_current') }}
    where not is_profiling_allowed

),

scored as (

    select customer_key from {{ ref('clv') }}
    union all
    select customer_key from {{ ref('churn_risk') }}
    union all
    select customer_key
    from {{ ref('customer_360') }}
    where clv_365d is not null or churn_probability_90d is not null

)

select scored.customer_key
from scored
inner join opted_out on scored.customer_key = opted_out.customer_key
