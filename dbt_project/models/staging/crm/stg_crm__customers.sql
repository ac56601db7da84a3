with source as (

    select * from {{ latest_versions(source('crm', 'customers'), native_key='customer_id') }} as latest

),

renamed as (

    select
        {{ crm_customer_columns() }}
    from source

)

select * from renamed
