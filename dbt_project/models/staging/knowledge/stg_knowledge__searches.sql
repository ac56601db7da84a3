with source as (

    select * from {{ latest_versions(source('knowledge', 'searches')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('search_id') }} as search_id,
        {{ clean_text('customer_id') }} as customer_id,
        {{ clean_text('reader_id') }} as reader_id,
        {{ clean_text('clicked_article_id') }} as clicked_article_id,

        -- text
        {{ clean_text('full_name') }} as full_name,
        {{ clean_text('query_text') }} as query_text,
        {{ clean_code('topic') }} as topic,
        'knowledge' as source,

        -- numerics
        result_count,

        -- times
        searched_at,
        {{ local_date('searched_at') }} as searched_date,
        first_known_on,
        known_on
    from source

)

select * from renamed
