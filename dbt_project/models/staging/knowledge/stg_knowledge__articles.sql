with source as (

    select * from {{ latest_versions(source('knowledge', 'articles'), native_key='article_id') }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('article_id') }} as article_id,
        {{ clean_text('product_id') }} as product_id,
        {{ clean_text('expert_id') }} as expert_id,

        -- text
        {{ clean_slug('article_kind') }} as article_kind,
        {{ clean_text('article_title') }} as article_title,
        {{ clean_code('topic') }} as topic,
        {{ clean_code('language') }} as language,
        coalesce({{ clean_code('status') }}, 'published') as status,
        'knowledge' as source,

        -- times
        published_at,
        {{ local_date('published_at') }} as published_date,
        retired_on,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
    from source

)

select * from renamed
