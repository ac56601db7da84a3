-- Every metric, peer and month that the fact holds up to the as-of date is in the mart, and no other is.

with in_fact as (

    select distinct
        metric,
        peer,
        month
    from {{ ref('fct_service_benchmark') }}
    where month <= {{ as_of_date() }}

),

in_mart as (

    select
        metric,
        peer,
        month
    from {{ ref('service_benchmark') }}

)

select
    'missing' as problem,
    missing.*
from (
    select * from in_fact
    except
    select * from in_mart
) as missing

union all

select
    'too many' as problem,
    surplus.*
from (
    select * from in_mart
    except
    select * from in_fact
) as surplus
