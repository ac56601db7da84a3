-- By another road: the key customers reach their share of all value, and without the last of them do not.

with totals as (

    select
        sum(clv_365d) as all_value,
        sum(case when clv_segment_today = 'key' then clv_365d end) as key_value,
        min(case when clv_segment_today = 'key' then clv_365d end) as least_key_value,
        max(case when clv_segment_today <> 'key' then clv_365d end) as best_other_value
    from {{ ref('clv') }}
    where clv_365d > 0

)

select *
from totals
where
    key_value < {{ var('clv_share_key') }} * all_value
    or key_value - least_key_value >= {{ var('clv_share_key') }} * all_value
    or best_other_value > least_key_value
