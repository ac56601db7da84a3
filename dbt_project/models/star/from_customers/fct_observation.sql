-- Grain: one row per thing noticed at a visit, in an interview or in the field; the note stays private.

with base_observation as (

    select * from {{ ref('base_observation') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

observations as (

    select
        {{ surrogate_key('base_observation.source', 'observations', 'base_observation.row_key') }}
            as observation_key,
        {{ resolved_customer_key() }} as customer_key,
        {{ surrogate_key("'crm'", 'employees', 'base_observation.employee_id') }} as employee_key,
        {{ surrogate_key("'crm'", 'products', 'base_observation.product_id') }} as product_key,
        {{ date_key('base_observation.observed_date') }} as observed_date_key,
        base_observation.observation_id,
        base_observation.observation_type,
        base_observation.theme,
        base_observation.mood,
        base_observation.latent_need,
        base_observation.observed_at,
        base_observation.observed_date,
        base_observation.source,
        base_observation.known_on
    from base_observation
    {{ customer_joins('base_observation', 'respondents') }}
    where base_observation.row_key is not null

)

select * from observations
