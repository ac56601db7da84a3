-- Grain: one row per time that an article reached a person, known to the company or not.

with base_knowledge_delivery as (

    select * from {{ ref('base_knowledge_delivery') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

deliveries as (

    select
        {{ surrogate_key('base_knowledge_delivery.source', 'deliveries', 'base_knowledge_delivery.row_key') }}
            as delivery_key,
        {{ resolved_customer_key() }} as customer_key,
        own_identity.identity_key as reader_key,
        {{ surrogate_key(
            'base_knowledge_delivery.source', 'articles', 'base_knowledge_delivery.article_id'
        ) }} as article_key,
        {{ surrogate_key(
            'base_knowledge_delivery.source', 'searches', 'base_knowledge_delivery.search_id'
        ) }} as search_key,
        {{ surrogate_key("'complaints'", 'complaints', 'base_knowledge_delivery.complaint_id') }}
            as complaint_key,
        {{ surrogate_key("'crm'", 'employees', 'base_knowledge_delivery.employee_id') }} as employee_key,
        {{ date_key('base_knowledge_delivery.delivered_date') }} as delivered_date_key,
        base_knowledge_delivery.delivery_id,
        base_knowledge_delivery.is_helpful,
        base_knowledge_delivery.is_solved,
        base_knowledge_delivery.read_seconds,
        base_knowledge_delivery.delivery_mode,
        base_knowledge_delivery.delivered_at,
        base_knowledge_delivery.delivered_date,
        base_knowledge_delivery.source,
        base_knowledge_delivery.known_on
    from base_knowledge_delivery
    {{ customer_joins('base_knowledge_delivery', 'readers') }}
    where base_knowledge_delivery.row_key is not null

)

select * from deliveries
