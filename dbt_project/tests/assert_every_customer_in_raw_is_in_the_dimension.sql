-- Both roads count the same customers: ids that the log ever held, and customers of the dimension.

with in_raw as (

    select count(distinct trim(customer_id)) as customer_count
    from {{ source('crm', 'customers') }}
    where known_on <= {{ as_of_date() }} and trim(customer_id) <> ''

),

in_dimension as (

    select count(*) as customer_count from {{ ref('dim_customer_current') }}

)

select
    in_raw.customer_count,
    in_dimension.customer_count as in_dimension
from in_raw
cross join in_dimension
where in_raw.customer_count <> in_dimension.customer_count
