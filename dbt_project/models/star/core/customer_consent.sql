-- Grain: one row per customer, purpose, channel and period in which what is allowed was the same (SCD2).
-- The latest statement counts, of two at the same moment the refusal. Where several records are one customer,
-- the strictest counts: what one of them refuses is refused.

with consents as (

    select * from {{ ref('stg_crm__consents') }}

),

customer_identity as (

    select * from {{ ref('customer_identity') }}

),

statements as (

    select
        customer_identity.customer_key,
        consents.customer_id,
        consents.purpose,
        coalesce(consents.channel, 'all') as channel,
        consents.source,
        consents.stated_date,
        coalesce(consents.is_granted, false) as is_granted,
        row_number() over (
            partition by
                consents.customer_id,
                consents.purpose,
                coalesce(consents.channel, 'all'),
                consents.stated_date
            order by
                consents.stated_at desc nulls last,
                consents.is_granted asc nulls last,
                consents.known_on desc,
                consents.row_key asc
        ) as day_rank
    from consents
    inner join customer_identity
        on
            consents.source = customer_identity.source
            and customer_identity.object = 'customers'
            and consents.customer_id = customer_identity.native_id
    where consents.purpose is not null and consents.stated_date <= {{ as_of_date() }}

),

record_periods as (

    select
        customer_key,
        customer_id,
        purpose,
        channel,
        source,
        is_granted,
        stated_date as stated_from,
        lead(stated_date) over (partition by customer_id, purpose, channel order by stated_date) as stated_to
    from statements
    where day_rank = 1

),

days as (

    select distinct
        customer_key,
        purpose,
        channel,
        stated_from as day
    from record_periods

),

strictest as (

    select
        days.customer_key,
        days.purpose,
        days.channel,
        days.day,
        max(record_periods.source) as source,
        min(case when record_periods.is_granted then 1 else 0 end) = 1 as is_granted
    from days
    inner join record_periods
        on
            days.customer_key = record_periods.customer_key
            and days.purpose = record_periods.purpose
            and days.channel = record_periods.channel
            and days.day >= record_periods.stated_from
            and (record_periods.stated_to is null or days.day < record_periods.stated_to)
    group by days.customer_key, days.purpose, days.channel, days.day

),

changes as (

    select
        strictest.*,
        lag(is_granted) over (partition by customer_key, purpose, channel order by day) as is_granted_before
    from strictest

),

periods as (

    select
        customer_key,
        purpose,
        channel,
        is_granted,
        day as valid_from,
        lead(day) over (partition by customer_key, purpose, channel order by day) as valid_to,
        source
    from changes
    where is_granted_before is null or is_granted <> is_granted_before

),

consent_periods as (

    select
        md5(
            'consent|' || customer_key || '|' || purpose || '|' || channel
            || '|' || cast(valid_from as string)
        ) as consent_key,
        customer_key,
        purpose,
        channel,
        is_granted,
        valid_to is null as is_current,
        valid_from,
        valid_to,
        source
    from periods

)

select * from consent_periods
