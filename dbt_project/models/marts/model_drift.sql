-- Grain: one row per thing watched of the churn model that scored the night: an input, the score, or how what
-- was said on the last of a month has come true since.

with watched as (

    select * from {{ source('scores', 'model_drift') }}

),

tonight as (

    select
        {{ as_of_date() }} as as_of_date,
        model_run_id,
        subject,
        name,
        measure,
        value as measure_value,
        alarm_above,
        is_alarm,
        customers
    from watched
    where as_of_date = {{ as_of_date() }}

)

select * from tonight
