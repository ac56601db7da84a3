{{ config(materialized='table') }}

-- Grain: one row per service metric, peer and month, as another company or group reaches it.

with service_benchmarks as (

    select * from {{ ref('stg_knowledge__service_benchmarks') }}

),

benchmarks as (

    select
        {{ surrogate_key('source', 'service_benchmarks', 'row_key') }} as benchmark_key,
        {{ date_key(month_start('month')) }} as month_date_key,
        metric,
        peer,
        benchmark_value,
        unit,
        {{ month_start('month') }} as month,
        source,
        known_on
    from service_benchmarks

)

select * from benchmarks
