with source as (

    select * from {{ latest_versions(source('surveys', 'responses')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('response_id') }} as response_id,
        {{ clean_text('survey_id') }} as survey_id,
        {{ clean_text('invitation_id') }} as invitation_id,
        {{ clean_text('customer_id') }} as customer_id,
        {{ clean_text('respondent_id') }} as respondent_id,
        {{ clean_text('order_id') }} as order_id,
        {{ clean_text('complaint_id') }} as complaint_id,

        -- text
        {{ clean_text('full_name') }} as full_name,
        {{ clean_text('email') }} as email,
        {{ clean_text('phone') }} as phone,
        {{ clean_text('postal_code') }} as postal_code,
        {{ clean_code('channel') }} as channel,
        {{ clean_code('language') }} as language,
        {{ clean_text('closing_comment') }} as closing_comment,
        'surveys' as source,

        -- booleans
        coalesce(is_complete, true) as is_complete,

        -- times
        responded_at,
        {{ local_date('responded_at') }} as responded_date,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        first_known_on,
        known_on
    from source

)

select * from renamed
