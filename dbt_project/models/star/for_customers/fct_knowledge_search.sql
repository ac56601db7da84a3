-- Grain: one row per search in the knowledge base; what was searched for stays private.

with base_knowledge_search as (

    select * from {{ ref('base_knowledge_search') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

searches as (

    select
        {{ surrogate_key('base_knowledge_search.source', 'searches', 'base_knowledge_search.row_key') }}
            as search_key,
        {{ resolved_customer_key() }} as customer_key,
        own_identity.identity_key as reader_key,
        {{ surrogate_key(
            'base_knowledge_search.source', 'articles', 'base_knowledge_search.clicked_article_id'
        ) }} as clicked_article_key,
        {{ date_key('base_knowledge_search.searched_date') }} as searched_date_key,
        base_knowledge_search.search_id,
        base_knowledge_search.clicked_article_id is not null as has_click,
        -- null where the knowledge base does not say how many it found
        base_knowledge_search.result_count = 0 as is_without_result,
        base_knowledge_search.result_count,
        base_knowledge_search.topic,
        base_knowledge_search.searched_at,
        base_knowledge_search.searched_date,
        base_knowledge_search.source,
        base_knowledge_search.known_on
    from base_knowledge_search
    {{ customer_joins('base_knowledge_search', 'readers') }}
    where base_knowledge_search.row_key is not null

)

select * from searches
