{%- set uses = [
    ('order', 'base_order_line', 'channel'),
    ('interaction', 'base_interaction', 'channel'),
    ('preferred', 'stg_crm__customer_versions', 'preferred_channel'),
    ('complaint', 'base_complaint', 'channel'),
    ('complaint_event', 'base_complaint_event', 'channel'),
    ('survey', 'base_survey_invitation', 'channel'),
    ('survey_response', 'base_survey_response', 'channel')
] -%}

-- Grain: one row per channel seen anywhere between company and customers, or as a customer's preference.

with
{%- for _, model, _ in uses %}

{{ model }} as (

    select * from {{ ref(model) }}

),
{%- endfor %}

seen as (
    {%- for use, model, column in uses %}

    select distinct
        {{ column }} as channel,
        '{{ use }}' as channel_use
    from {{ model }}
    where {{ column }} is not null
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

channels as (

    select
        md5('channel|' || channel) as channel_key,
        channel,
        max(case when channel_use = 'order' then 1 else 0 end) = 1 as is_order_channel,
        max(case when channel_use = 'interaction' then 1 else 0 end) = 1 as is_interaction_channel,
        max(case when channel_use in ('complaint', 'complaint_event') then 1 else 0 end) = 1
            as is_complaint_channel,
        max(case when channel_use in ('survey', 'survey_response') then 1 else 0 end) = 1
            as is_survey_channel,
        max(case when channel_use = 'preferred' then 1 else 0 end) = 1 as is_preferred_channel
    from seen
    group by channel

)

select * from channels
