-- Grain: one row per event of any of the four dimensions between a current customer and the company.
-- Events after the as-of date are left out. A thing with a beginning and an end, such as a complaint, is two
-- events. Summaries hold codes and figures only.

with dim_customer_current as (

    select * from {{ ref('dim_customer_current') }}

),

dim_article as (

    select * from {{ ref('dim_article') }}

),

dim_initiative as (

    select * from {{ ref('dim_initiative') }}

),

fct_order_line as (

    select * from {{ ref('fct_order_line') }}

),

fct_shipment as (

    select * from {{ ref('fct_shipment') }}

),

fct_interaction as (

    select * from {{ ref('fct_interaction') }}

),

fct_subscription as (

    select * from {{ ref('fct_subscription') }}

),

fct_usage as (

    select * from {{ ref('fct_usage') }}

),

fct_workroom_item as (

    select * from {{ ref('fct_workroom_item') }}

),

fct_knowledge_delivery as (

    select * from {{ ref('fct_knowledge_delivery') }}

),

fct_knowledge_search as (

    select * from {{ ref('fct_knowledge_search') }}

),

fct_complaint as (

    select * from {{ ref('fct_complaint') }}

),

fct_survey_response as (

    select * from {{ ref('fct_survey_response') }}

),

fct_observation as (

    select * from {{ ref('fct_observation') }}

),

fct_contribution as (

    select * from {{ ref('fct_contribution') }}

),

-- A credit note of several lines is one event, as an order is.
order_events as (

    select
        customer_key,
        min(order_date) as event_date,
        'about' as dimension,
        case line_kind when 'sale' then 'order' else line_kind end as event_type,
        order_key as event_id,
        cast(count(*) as string) || case when count(*) = 1 then ' line' else ' lines' end
        || coalesce(' worth ' || cast(cast(sum(net_revenue) as decimal(18, 2)) as string), '')
        || ' ' || {{ reporting_currency() }}
        || case when max(case when is_cancelled then 1 else 0 end) = 1 then ', cancelled' else '' end
            as summary
    from fct_order_line
    group by customer_key, line_kind, order_key

),

delivery_events as (

    select
        fct_shipment.customer_key,
        fct_shipment.delivered_date as event_date,
        'about' as dimension,
        'delivery' as event_type,
        fct_shipment.shipment_key as event_id,
        'delivered'
        || case
            when fct_shipment.days_late > 0 then ' ' || cast(fct_shipment.days_late as string) || ' days late'
            else ''
        end
        || case
            when fct_shipment.failed_attempts > 0
                then ' after ' || cast(fct_shipment.failed_attempts as string) || ' failed attempts'
            else ''
        end as summary
    from fct_shipment

),

interaction_events as (

    select
        fct_interaction.customer_key,
        fct_interaction.started_date as event_date,
        'about' as dimension,
        'interaction' as event_type,
        fct_interaction.interaction_key as event_id,
        coalesce(fct_interaction.channel, 'contact')
        || coalesce(' about ' || fct_interaction.subject, '')
        || coalesce(', ' || fct_interaction.mood, '') as summary
    from fct_interaction

),

subscription_start_events as (

    select
        fct_subscription.customer_key,
        fct_subscription.started_on as event_date,
        'about' as dimension,
        'subscription started' as event_type,
        fct_subscription.subscription_key as event_id,
        coalesce(
            cast(cast(fct_subscription.monthly_fee as decimal(18, 2)) as string) || ' '
            || fct_subscription.currency_code || ' a month',
            'started'
        ) as summary
    from fct_subscription

),

subscription_end_events as (

    select
        fct_subscription.customer_key,
        fct_subscription.cancelled_on as event_date,
        'about' as dimension,
        'subscription cancelled' as event_type,
        fct_subscription.subscription_key as event_id,
        'cancelled after '
        || cast(
            {{ days_between('fct_subscription.started_on', 'fct_subscription.cancelled_on') }} as string
        ) || ' days' as summary
    from fct_subscription

),

usage_events as (

    select
        fct_usage.customer_key,
        fct_usage.used_date as event_date,
        'about' as dimension,
        'usage' as event_type,
        fct_usage.usage_key as event_id,
        coalesce(fct_usage.feature, 'used')
        || coalesce(
            ': ' || cast(cast(fct_usage.quantity as decimal(18, 1)) as string) || ' ' || fct_usage.unit, ''
        ) as summary
    from fct_usage

),

workroom_events as (

    select
        fct_workroom_item.customer_key,
        fct_workroom_item.opened_date as event_date,
        'about' as dimension,
        'workroom item' as event_type,
        fct_workroom_item.workroom_item_key as event_id,
        fct_workroom_item.item_type || coalesce(', ' || fct_workroom_item.status, '') as summary
    from fct_workroom_item

),

knowledge_events as (

    select
        fct_knowledge_delivery.customer_key,
        fct_knowledge_delivery.delivered_date as event_date,
        'for' as dimension,
        'knowledge' as event_type,
        fct_knowledge_delivery.delivery_key as event_id,
        coalesce(dim_article.article_kind, 'article') || ' by ' || fct_knowledge_delivery.delivery_mode
        || case
            when fct_knowledge_delivery.is_helpful then ', helpful'
            when not fct_knowledge_delivery.is_helpful then ', not helpful'
            else ''
        end as summary
    from fct_knowledge_delivery
    left join dim_article on fct_knowledge_delivery.article_key = dim_article.article_key

),

search_events as (

    select
        fct_knowledge_search.customer_key,
        fct_knowledge_search.searched_date as event_date,
        'for' as dimension,
        'search' as event_type,
        fct_knowledge_search.search_key as event_id,
        'search' || coalesce(' about ' || fct_knowledge_search.topic, '')
        || coalesce(', ' || cast(fct_knowledge_search.result_count as string) || ' results', '') as summary
    from fct_knowledge_search

),

complaint_events as (

    select
        fct_complaint.customer_key,
        fct_complaint.received_date as event_date,
        'from' as dimension,
        'complaint' as event_type,
        fct_complaint.complaint_key as event_id,
        'about ' || coalesce(fct_complaint.category, 'something unknown')
        || coalesce(' (' || fct_complaint.subcategory || ')', '') as summary
    from fct_complaint

),

complaint_end_events as (

    select
        fct_complaint.customer_key,
        fct_complaint.resolved_date as event_date,
        'from' as dimension,
        'complaint resolved' as event_type,
        fct_complaint.complaint_key as event_id,
        coalesce('by ' || fct_complaint.resolution, 'resolved')
        || case when fct_complaint.is_sla_breached then ', too late' else '' end as summary
    from fct_complaint

),

response_events as (

    select
        fct_survey_response.customer_key,
        fct_survey_response.responded_date as event_date,
        'from' as dimension,
        'survey response' as event_type,
        fct_survey_response.response_key as event_id,
        'to ' || coalesce(fct_survey_response.survey_name, fct_survey_response.survey_id) as summary
    from fct_survey_response

),

observation_events as (

    select
        fct_observation.customer_key,
        fct_observation.observed_date as event_date,
        'from' as dimension,
        'observation' as event_type,
        fct_observation.observation_key as event_id,
        fct_observation.observation_type
        || coalesce(' on ' || fct_observation.theme, '')
        || coalesce(', ' || fct_observation.mood, '') as summary
    from fct_observation

),

contribution_events as (

    select
        fct_contribution.customer_key,
        fct_contribution.contributed_date as event_date,
        'co_created' as dimension,
        'contribution' as event_type,
        fct_contribution.contribution_key as event_id,
        fct_contribution.contribution_type || coalesce(' to ' || dim_initiative.style, '')
        || coalesce(', ' || fct_contribution.status, '') as summary
    from fct_contribution
    left join dim_initiative on fct_contribution.initiative_key = dim_initiative.initiative_key

),

events as (

    select * from order_events

    union all
    select * from delivery_events

    union all
    select * from interaction_events

    union all
    select * from subscription_start_events

    union all
    select * from subscription_end_events

    union all
    select * from usage_events

    union all
    select * from workroom_events

    union all
    select * from knowledge_events

    union all
    select * from search_events

    union all
    select * from complaint_events

    union all
    select * from complaint_end_events

    union all
    select * from response_events

    union all
    select * from observation_events

    union all
    select * from contribution_events

),

timeline as (

    select
        {{ as_of_date() }} as as_of_date,
        events.customer_key,
        events.event_date,
        events.dimension,
        events.event_type,
        events.event_id,
        events.summary
    from events
    inner join dim_customer_current on events.customer_key = dim_customer_current.customer_key
    where events.event_date <= {{ as_of_date() }} and not dim_customer_current.is_deleted

)

select * from timeline
