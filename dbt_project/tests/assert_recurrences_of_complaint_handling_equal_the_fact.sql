-- A complaint recurs where another one of its customer and category lies in the 90 days before: counted here
-- by looking for that other one, not by the order of the complaints.

with in_mart as (

    select coalesce(sum(recurrences), 0) as recurrences
    from {{ ref('complaint_handling') }}
    where category = 'all'

),

in_fact as (

    select count(*) as recurrences
    from {{ ref('fct_complaint') }} as complaint
    where
        complaint.received_date <= {{ as_of_date() }}
        and exists (
            select 1
            from {{ ref('fct_complaint') }} as earlier
            where
                earlier.customer_key = complaint.customer_key
                and coalesce(earlier.category, '') = coalesce(complaint.category, '')
                and earlier.received_date >= {{ add_days('complaint.received_date', -90) }}
                and (
                    earlier.received_at < complaint.received_at
                    or (
                        earlier.received_at = complaint.received_at
                        and earlier.complaint_id < complaint.complaint_id
                    )
                )
        )

)

select
    in_mart.recurrences,
    in_fact.recurrences as recurrences_in_fact
from in_mart
cross join in_fact
where in_mart.recurrences <> in_fact.recurrences
