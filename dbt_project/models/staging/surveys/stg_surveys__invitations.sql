with source as (

    select * from {{ latest_versions(source('surveys', 'invitations')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('invitation_id') }} as invitation_id,
        {{ clean_text('survey_id') }} as survey_id,
        {{ clean_text('customer_id') }} as customer_id,
        {{ clean_text('respondent_id') }} as respondent_id,

        -- text
        {{ clean_text('full_name') }} as full_name,
        {{ clean_text('email') }} as email,
        {{ clean_code('channel') }} as channel,
        'surveys' as source,

        -- times
        invited_at,
        {{ local_date('invited_at') }} as invited_date,
        reminded_at,
        {{ local_date('reminded_at') }} as reminded_date,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        first_known_on,
        known_on
    from source

)

select * from renamed
