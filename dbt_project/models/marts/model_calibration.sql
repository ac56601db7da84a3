-- Grain: one row per kind of comparison and bin, of the model in use on its backtest.
-- tracking     week: cumulative repeat purchases of the customers known at the cut
-- calibration  tenth of customers by expected purchases: mean purchases after the cut
-- gain         twentieth of customers by expected spend, best first: cumulative share of all spend then

with calibration as (

    select * from {{ source('scores', 'calibration') }}

),

latest as (

    select max(data_until) as data_until
    from calibration
    where data_until <= {{ as_of_date() }}

),

compared as (

    select
        {{ as_of_date() }} as as_of_date,
        calibration.kind,
        calibration.bin,
        calibration.model,
        calibration.cut_date,
        calibration.bin_date,
        calibration.customers,
        calibration.predicted,
        calibration.actual
    from calibration
    inner join latest on calibration.data_until = latest.data_until

)

select * from compared
