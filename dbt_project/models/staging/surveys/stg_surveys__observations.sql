with source as (

    select * from {{ latest_versions(source('surveys', 'observations')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('observation_id') }} as observation_id,
        {{ clean_text('customer_id') }} as customer_id,
        {{ clean_text('employee_id') }} as employee_id,
        {{ clean_text('product_id') }} as product_id,

        -- text
        {{ clean_slug('observation_type') }} as observation_type,
        {{ clean_code('theme') }} as theme,
        {{ clean_code('mood') }} as mood,
        {{ clean_code('latent_need') }} as latent_need,
        {{ clean_text('note') }} as note,
        'surveys' as source,

        -- times
        observed_at,
        {{ local_date('observed_at') }} as observed_date,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
