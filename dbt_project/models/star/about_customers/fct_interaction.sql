-- Grain: one row per contact between an employee or system and a customer; the note stays private.

with base_interaction as (

    select * from {{ ref('base_interaction') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

interactions as (

    select
        {{ surrogate_key('base_interaction.source', 'interactions', 'base_interaction.row_key') }}
            as interaction_key,
        customer_identity.customer_key,
        {{ surrogate_key('base_interaction.source', 'employees', 'base_interaction.employee_id') }}
            as employee_key,
        md5('channel|' || base_interaction.channel) as channel_key,
        {{ date_key('base_interaction.started_date') }} as started_date_key,
        base_interaction.interaction_id,
        base_interaction.duration_seconds,
        base_interaction.channel,
        base_interaction.direction,
        base_interaction.subject,
        base_interaction.mood,
        base_interaction.started_at,
        base_interaction.started_date,
        base_interaction.source,
        base_interaction.known_on
    from base_interaction
    left join customer_identity
        on
            base_interaction.source = customer_identity.source
            and customer_identity.object = 'customers'
            and base_interaction.customer_ref = customer_identity.native_id
    where base_interaction.row_key is not null

)

select * from interactions
