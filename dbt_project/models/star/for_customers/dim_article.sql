{{ config(materialized='table') }}

-- Grain: one row per article. An id that only deliveries or searches know has is_listed false.

with articles as (

    select * from {{ ref('stg_knowledge__articles') }}

),

base_knowledge_delivery as (

    select * from {{ ref('base_knowledge_delivery') }}

),

base_knowledge_search as (

    select * from {{ ref('base_knowledge_search') }}

),

seen_references as (

    select
        source,
        article_id
    from base_knowledge_delivery
    where article_id is not null

    union

    select
        source,
        clicked_article_id as article_id
    from base_knowledge_search
    where clicked_article_id is not null

),

unlisted as (

    select
        seen_references.source,
        seen_references.article_id
    from seen_references
    where not exists (
            select 1
            from articles
            where
                articles.source = seen_references.source
                and articles.article_id = seen_references.article_id
        )

),

all_articles as (

    select
        source,
        article_id,
        product_id,
        expert_id,
        true as is_listed,
        article_kind,
        article_title,
        topic,
        language,
        status,
        published_at,
        published_date,
        retired_on,
        known_on
    from articles

    union all

    select
        source,
        article_id,
        cast(null as string) as product_id,
        cast(null as string) as expert_id,
        false as is_listed,
        cast(null as string) as article_kind,
        cast(null as string) as article_title,
        cast(null as string) as topic,
        cast(null as string) as language,
        cast(null as string) as status,
        cast(null as timestamp) as published_at,
        cast(null as date) as published_date,
        cast(null as date) as retired_on,
        cast(null as date) as known_on
    from unlisted

),

keyed as (

    select
        {{ surrogate_key('source', 'articles', 'article_id') }} as article_key,
        {{ surrogate_key("'crm'", 'products', 'product_id') }} as product_key,
        {{ surrogate_key('source', 'experts', 'expert_id') }} as expert_key,
        article_id,
        is_listed,
        article_kind,
        article_title,
        topic,
        language,
        status,
        published_at,
        published_date,
        retired_on,
        source,
        known_on
    from all_articles

)

select * from keyed
