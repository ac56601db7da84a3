{{ config(unique_key='searched_month') }}
{% set columns = [
    'row_key', 'search_id', 'customer_ref', 'person_ref', 'clicked_article_id', 'topic', 'result_count',
    'searched_at', 'searched_date', 'source', 'known_on'
] %}

-- Grain: one row per search in the knowledge base, without its words; a month without any keeps one empty
-- row.

with searches as (

    select * from {{ ref('stg_knowledge__searches') }}

),

dated as (

    select
        searches.row_key,
        searches.search_id,
        searches.customer_id as customer_ref,
        searches.reader_id as person_ref,
        searches.clicked_article_id,
        searches.topic,
        searches.result_count,
        searches.searched_at,
        searches.searched_date,
        searches.source,
        searches.known_on
    from searches

),

latest_rows as (

    select
        dated.*,
        {{ month_start("coalesce(dated.searched_date, date '1900-01-01')") }} as searched_month
    from dated

),

{{ reload_changed_months('latest_rows', 'searched_month', columns) }}
