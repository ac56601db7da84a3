with source as (

    select * from {{ latest_versions(source('knowledge', 'service_benchmarks')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,

        -- text
        {{ clean_code('metric') }} as metric,
        {{ clean_text('peer') }} as peer,
        {{ clean_text('unit') }} as unit,
        'knowledge' as source,

        -- numerics
        benchmark_value,

        -- times
        month,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
