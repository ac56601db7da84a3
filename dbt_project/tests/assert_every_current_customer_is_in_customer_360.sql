-- Every customer that the source has not deleted has one row, and no other has.

with current_customers as (

    select customer_key from {{ ref('dim_customer_current') }}
    where not is_deleted

),

customer_360 as (

    select customer_key from {{ ref('customer_360') }}

)

select
    'missing' as problem,
    current_customers.customer_key
from current_customers
where not exists (
        select 1 from customer_360
        where customer_360.customer_key = current_customers.customer_key
    )

union all

select
    'too many' as problem,
    customer_360.customer_key
from customer_360
where not exists (
        select 1 from current_customers
        where current_customers.customer_key = customer_360.customer_key
    )
