-- Grain: one row per current customer, with or without orders. One whom the source deleted is not current.
-- Order: an order with at least one sale line that is not cancelled.
-- Revenue counts every line, returns and lines without a day included.
-- Events dated after the as-of date are not counted.

with dim_customer_current as (

    select * from {{ ref('dim_customer_current') }}

),

fct_order_line as (

    select * from {{ ref('fct_order_line') }}

),

fct_interaction as (

    select * from {{ ref('fct_interaction') }}

),

fct_subscription as (

    select * from {{ ref('fct_subscription') }}

),

fct_workroom_item as (

    select * from {{ ref('fct_workroom_item') }}

),

fct_complaint as (

    select * from {{ ref('fct_complaint') }}

),

fct_survey_answer as (

    select * from {{ ref('fct_survey_answer') }}

),

dim_survey_question as (

    select * from {{ ref('dim_survey_question') }}

),

fct_knowledge_delivery as (

    select * from {{ ref('fct_knowledge_delivery') }}

),

fct_contribution as (

    select * from {{ ref('fct_contribution') }}

),

clv as (

    select * from {{ source('scores', 'clv') }}

),

churn as (

    select * from {{ source('scores', 'churn') }}

),

order_lines as (

    select
        fct_order_line.*,
        line_kind = 'sale' and not is_cancelled as is_sale,
        coalesce(order_date > {{ add_days(as_of_date(), -365) }}, false) as is_within_365d
    from fct_order_line
    where customer_key is not null and coalesce(order_date <= {{ as_of_date() }}, true)

),

orders as (

    select
        customer_key,
        min(case when is_sale then order_date end) as first_order_date,
        max(case when is_sale then order_date end) as last_order_date,
        count(distinct case when is_sale then order_key end) as order_count,
        cast(sum(net_revenue) as decimal(18, 4)) as net_revenue,
        cast(sum(case when is_within_365d then net_revenue end) as decimal(18, 4)) as net_revenue_365d
    from order_lines
    group by customer_key

),

interactions as (

    select
        customer_key,
        count(*) as interaction_count,
        max(started_date) as last_interaction_date
    from fct_interaction
    where customer_key is not null and started_date <= {{ as_of_date() }}
    group by customer_key

),

subscriptions as (

    select
        customer_key,
        count(*) as open_subscriptions
    from fct_subscription
    where customer_key is not null and is_open
    group by customer_key

),

workroom_items as (

    select
        customer_key,
        count(*) as open_workroom_items
    from fct_workroom_item
    where customer_key is not null and is_open
    group by customer_key

),

complaints as (

    select
        customer_key,
        count(*) as complaint_count,
        sum(case when is_open then 1 else 0 end) as open_complaints
    from fct_complaint
    where customer_key is not null and received_date <= {{ as_of_date() }}
    group by customer_key

),

-- An answer of an unknown day is older than any other.
nps_answers as (

    select
        fct_survey_answer.customer_key,
        fct_survey_answer.answer_value,
        row_number() over (
            partition by fct_survey_answer.customer_key
            order by fct_survey_answer.responded_date desc nulls last, fct_survey_answer.answer_key asc
        ) as recency
    from fct_survey_answer
    inner join dim_survey_question on fct_survey_answer.question_key = dim_survey_question.question_key
    where
        dim_survey_question.construct = 'nps'
        and fct_survey_answer.customer_key is not null
        and fct_survey_answer.answer_value between 0 and 10
        and coalesce(fct_survey_answer.responded_date <= {{ as_of_date() }}, true)

),

readings as (

    select
        customer_key,
        count(distinct article_key) as articles_read
    from fct_knowledge_delivery
    where customer_key is not null and delivered_date <= {{ as_of_date() }}
    group by customer_key

),

contributions as (

    select
        customer_key,
        count(*) as contributions
    from fct_contribution
    where customer_key is not null and contributed_date <= {{ as_of_date() }}
    group by customer_key

),

customers as (

    select
        {{ as_of_date() }} as as_of_date,
        dim_customer_current.customer_key,
        dim_customer_current.parent_customer_key,
        dim_customer_current.account_manager_employee_key,
        dim_customer_current.customer_type,
        dim_customer_current.country,
        dim_customer_current.postal_area,
        cast(dim_customer_current.birth_decade as bigint) as birth_decade,
        dim_customer_current.language,
        dim_customer_current.preferred_channel,
        dim_customer_current.industry,
        dim_customer_current.segment,
        dim_customer_current.acquired_date,
        dim_customer_current.is_profiling_allowed,
        orders.first_order_date,
        orders.last_order_date,
        cast(coalesce(orders.order_count, 0) as bigint) as order_count,
        coalesce(orders.net_revenue, cast(0 as decimal(18, 4))) as net_revenue,
        coalesce(orders.net_revenue_365d, cast(0 as decimal(18, 4))) as net_revenue_365d,
        {{ reporting_currency() }} as currency_code,
        cast(coalesce(interactions.interaction_count, 0) as bigint) as interaction_count,
        interactions.last_interaction_date,
        cast(coalesce(subscriptions.open_subscriptions, 0) as bigint) as open_subscriptions,
        cast(coalesce(workroom_items.open_workroom_items, 0) as bigint) as open_workroom_items,
        cast(coalesce(complaints.complaint_count, 0) as bigint) as complaint_count,
        cast(coalesce(complaints.open_complaints, 0) as bigint) as open_complaints,
        cast(round(nps_answers.answer_value) as bigint) as last_nps_score,
        cast(coalesce(readings.articles_read, 0) as bigint) as articles_read,
        cast(coalesce(contributions.contributions, 0) as bigint) as contributions,
        case
            when dim_customer_current.is_profiling_allowed then cast(clv.clv_365d as decimal(18, 4))
        end as clv_365d,
        case
            when dim_customer_current.is_profiling_allowed then churn.churn_probability_90d
        end as churn_probability_90d,
        cast(null as string) as strategy
    from dim_customer_current
    left join orders on dim_customer_current.customer_key = orders.customer_key
    left join interactions on dim_customer_current.customer_key = interactions.customer_key
    left join subscriptions on dim_customer_current.customer_key = subscriptions.customer_key
    left join workroom_items on dim_customer_current.customer_key = workroom_items.customer_key
    left join complaints on dim_customer_current.customer_key = complaints.customer_key
    left join nps_answers
        on dim_customer_current.customer_key = nps_answers.customer_key and nps_answers.recency = 1
    left join readings on dim_customer_current.customer_key = readings.customer_key
    left join contributions on dim_customer_current.customer_key = contributions.customer_key
    left join clv on dim_customer_current.customer_key = clv.customer_key
    left join churn on dim_customer_current.customer_key = churn.customer_key
    where not dim_customer_current.is_deleted

)

select * from customers
