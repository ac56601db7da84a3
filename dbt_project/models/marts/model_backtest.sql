-- Grain: one row per model, cut and metric: how near predictions came to what happened after the cut.
-- It is the backtest by which the model in use was chosen, and what has happened since that was made.

with backtest as (

    select * from {{ source('scores', 'backtest') }}

),

latest as (

    select max(data_until) as data_until
    from backtest
    where data_until <= {{ as_of_date() }}

),

measured as (

    select
        {{ as_of_date() }} as as_of_date,
        backtest.model,
        backtest.cut_date,
        backtest.metric,
        backtest.horizon_days,
        backtest.is_chosen,
        backtest.metric_value,
        backtest.baseline,
        backtest.baseline_value
    from backtest
    inner join latest on backtest.data_until = latest.data_until

)

select * from measured
