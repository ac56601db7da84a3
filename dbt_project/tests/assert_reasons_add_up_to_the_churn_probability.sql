-- Base and contributions of a customer equal the log-odds before calibration, to a billionth.

with summed as (

    select
        customer_key,
        sum(contribution) as log_odds
    from {{ ref('churn_driver') }}
    group by customer_key

),

compared as (

    select
        summed.customer_key,
        churn.churn_probability_90d,
        1 / (1 + exp(-(model.intercept + model.slope * summed.log_odds))) as explained
    from summed
    inner join {{ source('scores', 'churn') }} as churn on summed.customer_key = churn.customer_key
    left join {{ source('scores', 'churn_model') }} as model on churn.model_run_id = model.model_run_id

)

select * from compared
where coalesce(abs(churn_probability_90d - explained) > 0.000000001, true)
