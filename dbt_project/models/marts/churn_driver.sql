-- Grain: one row per scored customer and driver, and one for the base that holds for everybody.
-- The contributions of a customer add up to the log-odds of no order before calibration. Without a model
-- there are no rows.
-- Ranked are the drivers that raise the risk, the strongest first, equal ones by name.

with driver_scores as (

    select * from {{ source('scores', 'churn_driver') }}

),

churn_feature as (

    select * from {{ ref('churn_feature') }}

),

dim_customer_current as (

    select * from {{ ref('dim_customer_current') }}

),

described as (

    select
        driver_scores.customer_key,
        driver_scores.driver,
        churn_feature.dimension,
        driver_scores.contribution,
        driver_scores.value as driver_value,
        case
            when driver_scores.value is null then churn_feature.reading_unknown
            when churn_feature.digits = 1
                then
                    replace(
                        churn_feature.reading,
                        '{value}',
                        cast(cast(driver_scores.value as decimal(18, 1)) as string)
                    )
            else
                replace(
                    churn_feature.reading,
                    '{value}',
                    cast(cast(driver_scores.value as decimal(18, 0)) as string)
                )
        end as reading,
        driver_scores.driver <> 'base' and driver_scores.contribution > 0 as is_raising
    from driver_scores
    inner join churn_feature on driver_scores.driver = churn_feature.driver
    inner join dim_customer_current on driver_scores.customer_key = dim_customer_current.customer_key
    where dim_customer_current.is_profiling_allowed and not dim_customer_current.is_deleted

),

ranked as (

    select
        {{ as_of_date() }} as as_of_date,
        customer_key,
        driver,
        dimension,
        contribution,
        driver_value,
        reading,
        case
            when is_raising
                then
                    cast(
                        row_number() over (
                            partition by customer_key, is_raising order by contribution desc, driver asc
                        ) as bigint
                    )
        end as driver_rank
    from described

)

select * from ranked
