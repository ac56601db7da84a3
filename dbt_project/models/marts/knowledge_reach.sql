-- Grain: one row per article and month in which it reached somebody, unlisted articles included.
-- A reader is the customer where one is known, else the account at the knowledge base.
-- Deliveries and complaints dated after the as-of date are not counted.

with dim_article as (

    select * from {{ ref('dim_article') }}

),

fct_knowledge_delivery as (

    select * from {{ ref('fct_knowledge_delivery') }}

),

fct_complaint as (

    select * from {{ ref('fct_complaint') }}

),

deliveries as (

    select *
    from fct_knowledge_delivery
    where delivered_date <= {{ as_of_date() }}

),

followed_by_complaint as (

    select distinct deliveries.delivery_key
    from deliveries
    inner join fct_complaint
        on
            deliveries.customer_key = fct_complaint.customer_key
            and deliveries.delivered_at < fct_complaint.received_at
            and {{ seconds_between('deliveries.delivered_at', 'fct_complaint.received_at') }} <= 7 * 86400
    where fct_complaint.received_date <= {{ as_of_date() }}

),

reached as (

    select
        deliveries.article_key,
        {{ month_start('deliveries.delivered_date') }} as month,
        count(*) as deliveries,
        {%- for mode in ['search', 'push', 'comparison', 'agent'] %}
        sum(case when deliveries.delivery_mode = '{{ mode }}' then 1 else 0 end) as {{ mode }}_deliveries,
        {%- endfor %}
        count(distinct coalesce(deliveries.customer_key, deliveries.reader_key)) as readers,
        sum(case when deliveries.is_helpful then 1 else 0 end) as helpful,
        count(deliveries.is_helpful) as helpful_answers,
        sum(case when deliveries.is_solved then 1 else 0 end) as solved,
        count(deliveries.is_solved) as solved_answers,
        count(followed_by_complaint.delivery_key) as complaints_after_7d
    from deliveries
    left join followed_by_complaint on deliveries.delivery_key = followed_by_complaint.delivery_key
    group by deliveries.article_key, {{ month_start('deliveries.delivered_date') }}

),

reach as (

    select
        {{ as_of_date() }} as as_of_date,
        reached.article_key,
        dim_article.article_id,
        dim_article.article_kind,
        dim_article.topic,
        reached.month,
        cast(reached.deliveries as bigint) as deliveries,
        cast(reached.search_deliveries as bigint) as search_deliveries,
        cast(reached.push_deliveries as bigint) as push_deliveries,
        cast(reached.comparison_deliveries as bigint) as comparison_deliveries,
        cast(reached.agent_deliveries as bigint) as agent_deliveries,
        cast(reached.readers as bigint) as readers,
        cast(reached.helpful as bigint) as helpful,
        cast(reached.helpful_answers as bigint) as helpful_answers,
        {{ ratio('reached.helpful', 'reached.helpful_answers') }} as helpful_rate,
        cast(reached.solved as bigint) as solved,
        cast(reached.solved_answers as bigint) as solved_answers,
        {{ ratio('reached.solved', 'reached.solved_answers') }} as solved_rate,
        cast(reached.complaints_after_7d as bigint) as complaints_after_7d
    from reached
    inner join dim_article on reached.article_key = dim_article.article_key

)

select * from reach
