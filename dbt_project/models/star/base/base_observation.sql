{{ config(unique_key='observed_month') }}
{% set columns = [
    'row_key', 'observation_id', 'observation_type', 'customer_ref', 'person_ref', 'employee_id', 'product_id',
    'theme', 'mood', 'latent_need', 'observed_at', 'observed_date', 'source', 'known_on'
] %}

-- Grain: one row per thing noticed at a visit, in an interview or in the field; a month without any keeps one
-- empty row.

with observations as (

    select * from {{ ref('stg_surveys__observations') }}

),

dated as (

    select
        observations.row_key,
        observations.observation_id,
        observations.observation_type,
        observations.customer_id as customer_ref,
        cast(null as string) as person_ref,
        observations.employee_id,
        observations.product_id,
        observations.theme,
        observations.mood,
        observations.latent_need,
        observations.observed_at,
        observations.observed_date,
        observations.source,
        observations.known_on
    from observations

),

latest_rows as (

    select
        dated.*,
        {{ month_start("coalesce(dated.observed_date, date '1900-01-01')") }} as observed_month
    from dated

),

{{ reload_changed_months('latest_rows', 'observed_month', columns) }}
