-- By another road: the mart's deliveries and answers are those of the fact, article by article.

with in_mart as (

    select
        article_key,
        sum(deliveries) as deliveries,
        sum(helpful) as helpful,
        sum(helpful_answers) as helpful_answers,
        sum(solved) as solved,
        sum(solved_answers) as solved_answers
    from {{ ref('knowledge_reach') }}
    group by article_key

),

in_fact as (

    select
        article_key,
        count(*) as deliveries,
        coalesce(sum(cast(is_helpful as integer)), 0) as helpful,
        count(*) - sum(case when is_helpful is null then 1 else 0 end) as helpful_answers,
        coalesce(sum(cast(is_solved as integer)), 0) as solved,
        count(*) - sum(case when is_solved is null then 1 else 0 end) as solved_answers
    from {{ ref('fct_knowledge_delivery') }}
    where delivered_date <= {{ as_of_date() }}
    group by article_key

)

select
    in_mart.article_key,
    in_fact.article_key as article_key_in_fact
from in_mart
full join in_fact on in_mart.article_key = in_fact.article_key
where
    in_mart.article_key is null
    or in_fact.article_key is null
    or in_mart.deliveries <> in_fact.deliveries
    or in_mart.helpful <> in_fact.helpful
    or in_mart.helpful_answers <> in_fact.helpful_answers
    or in_mart.solved <> in_fact.solved
    or in_mart.solved_answers <> in_fact.solved_answers
