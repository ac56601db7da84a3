-- Grain: one row per channel seen in an order, in a contact, or as a customer's preference.

with base_order_line as (

    select * from {{ ref('base_order_line') }}

),

base_interaction as (

    select * from {{ ref('base_interaction') }}

),

customer_versions as (

    select * from {{ ref('stg_crm__customer_versions') }}

),

seen as (

    select distinct
        channel,
        1 as is_order,
        0 as is_interaction,
        0 as is_preference
    from base_order_line
    where channel is not null

    union all

    select distinct
        channel,
        0 as is_order,
        1 as is_interaction,
        0 as is_preference
    from base_interaction
    where channel is not null

    union all

    select distinct
        preferred_channel as channel,
        0 as is_order,
        0 as is_interaction,
        1 as is_preference
    from customer_versions
    where preferred_channel is not null

),

channels as (

    select
        md5('channel|' || channel) as channel_key,
        channel,
        max(is_order) = 1 as is_order_channel,
        max(is_interaction) = 1 as is_interaction_channel,
        max(is_preference) = 1 as is_preferred_channel
    from seen
    group by channel

)

select * from channels
