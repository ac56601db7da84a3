-- Every customer whose id the log ever held is in the dimension, deleted ones too, and no other is.

with in_raw as (

    select distinct trim(customer_id) as customer_id
    from {{ source('crm', 'customers') }}
    where known_on <= {{ as_of_date() }} and trim(customer_id) <> ''

),

in_dimension as (

    select
        dim_customer_current.customer_key,
        customer_identity.native_id as customer_id
    from {{ ref('dim_customer_current') }} as dim_customer_current
    left join {{ ref('customer_identity') }} as customer_identity
        on
            dim_customer_current.customer_key = customer_identity.customer_key
            and customer_identity.source = 'crm'
            and customer_identity.object = 'customers'

)

select
    in_raw.customer_id,
    in_dimension.customer_key
from in_raw
full join in_dimension on in_raw.customer_id = in_dimension.customer_id
where in_raw.customer_id is null or in_dimension.customer_key is null
