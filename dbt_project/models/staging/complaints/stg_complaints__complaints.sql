with source as (

    select * from {{ latest_versions(source('complaints', 'complaints')) }} as latest

),

renamed as (

    select
        -- ids
        row_key,
        {{ clean_text('complaint_id') }} as complaint_id,
        {{ clean_text('customer_id') }} as customer_id,
        {{ clean_text('complainant_id') }} as complainant_id,
        {{ clean_text('order_id') }} as order_id,
        {{ clean_text('product_id') }} as product_id,
        {{ clean_text('received_by_employee_id') }} as received_by_employee_id,
        {{ clean_text('owner_employee_id') }} as owner_employee_id,
        {{ clean_text('resolved_by_employee_id') }} as resolved_by_employee_id,

        -- text
        {{ clean_text('full_name') }} as full_name,
        {{ clean_text('company_name') }} as company_name,
        {{ clean_text('email') }} as email,
        {{ clean_text('phone') }} as phone,
        {{ clean_text('postal_code') }} as postal_code,
        {{ clean_text('city') }} as city,
        {{ clean_code('category') }} as category,
        {{ clean_code('subcategory') }} as subcategory,
        {{ clean_code('channel') }} as channel,
        {{ clean_code('priority') }} as priority,
        coalesce(
            {{ clean_slug('status') }},
            case
                when closed_at is not null then 'closed'
                when resolved_at is not null then 'resolved'
                else 'open'
            end
        ) as status,
        {{ clean_code('resolution') }} as resolution,
        {{ clean_code('root_cause') }} as root_cause,
        coalesce({{ clean_currency('currency_code') }}, {{ reporting_currency() }}) as currency_code,
        {{ clean_text('complaint_text') }} as complaint_text,
        'complaints' as source,

        -- numerics
        compensation_amount,

        -- booleans
        is_timely,
        is_disputed,

        -- times
        received_at,
        {{ local_date('received_at') }} as received_date,
        first_action_at,
        {{ local_date('first_action_at') }} as first_action_date,
        due_at,
        {{ local_date('due_at') }} as due_date,
        resolved_at,
        {{ local_date('resolved_at') }} as resolved_date,
        closed_at,
        {{ local_date('closed_at') }} as closed_date,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        first_known_on,
        known_on
    from source

)

select * from renamed
