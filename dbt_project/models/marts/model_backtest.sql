-- Grain: one row per model, cut and metric: how near predictions came to what happened after the cut.
-- It is the backtest by which the model in use was chosen, and what has happened since that was made; models
-- of churn risk stand as churn: and their kind, beside BG/NBD's own chance of no order.

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

),

churn_model as (

    select * from {{ source('scores', 'churn_model') }}

),

churn_backtest as (

    select * from {{ source('scores', 'churn_backtest') }}

),

latest_churn as (

    select max(fitted_on) as fitted_on
    from churn_model
    where fitted_on <= {{ as_of_date() }}

),

tried as (

    select
        churn_backtest.*,
        churn_backtest.model = churn_model.kind
        and churn_backtest.is_calibrated = churn_model.is_calibrated as is_chosen
    from churn_backtest
    inner join churn_model on churn_backtest.model_run_id = churn_model.model_run_id
    inner join latest_churn on churn_model.fitted_on = latest_churn.fitted_on

),

alone as (

    select
        cut_date,
        metric,
        metric_value
    from tried
    where model = 'rhythm' and not is_calibrated

),

risks as (

    select
        'churn: ' || tried.model || case when tried.is_calibrated then ', calibrated' else '' end as model,
        tried.cut_date,
        tried.metric,
        cast(90 as bigint) as horizon_days,
        tried.is_chosen,
        tried.metric_value,
        case when alone.metric_value is not null then 'BG/NBD alone' end as baseline,
        alone.metric_value as baseline_value
    from tried
    left join alone on tried.cut_date = alone.cut_date and tried.metric = alone.metric
    where tried.metric_value is not null

),

all_models as (

    select * from measured

    union all

    select * from risks

),

dated as (

    select
        {{ as_of_date() }} as as_of_date,
        model,
        cut_date,
        metric,
        horizon_days,
        is_chosen,
        metric_value,
        baseline,
        baseline_value
    from all_models

)

select * from dated
