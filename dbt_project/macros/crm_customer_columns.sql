{# nothing → the staging columns of a CRM customer, for its latest version and for its history alike #}
{% macro crm_customer_columns() -%}
-- ids
        row_key,
        {{ clean_text('customer_id') }} as customer_id,
        {{ clean_text('parent_customer_id') }} as parent_customer_id,
        {{ clean_text('registration_number') }} as registration_number,
        {{ clean_text('account_manager_id') }} as account_manager_id,

        -- text
        coalesce({{ clean_code('customer_type') }}, '{{ var("default_customer_type") }}') as customer_type,
        {{ clean_text('first_name') }} as first_name,
        {{ clean_text('last_name') }} as last_name,
        {{ clean_text('company_name') }} as company_name,
        {{ clean_text('email') }} as email,
        {{ clean_text('phone') }} as phone,
        {{ clean_text('street') }} as street,
        {{ clean_text('postal_code') }} as postal_code,
        {{ clean_text('city') }} as city,
        {{ clean_text('country') }} as country,
        {{ clean_text('gender') }} as gender,
        {{ clean_code('language') }} as language,
        {{ clean_code('preferred_channel') }} as preferred_channel,
        {{ clean_text('industry') }} as industry,
        {{ clean_text('segment') }} as segment,
        'crm' as source,

        -- times
        birth_date,
        acquired_at,
        {{ local_date('acquired_at') }} as acquired_date,
        created_at,
        {{ local_date('created_at') }} as created_date,
        updated_at,
        {{ local_date('updated_at') }} as updated_date,
        known_on
{%- endmacro %}
