{{ config(materialized='table') }}

-- Grain: one row per currency and day, from the currency's first rate to the as-of date.
-- A day's rate is the latest on or before it; the pair's own rate goes before one that had to be inverted.
-- A rate of zero or of 100 million and more is no rate.

with exchange_rates as (

    select * from {{ ref('stg_crm__exchange_rates') }}

),

dim_date as (

    select * from {{ ref('dim_date') }}

),

rates_to_reporting as (

    select
        row_key,
        rate_date,
        from_currency as currency_code,
        cast(rate as decimal(20, 12)) as rate_to_reporting,
        1 as preference,
        known_on
    from exchange_rates
    where to_currency = {{ reporting_currency() }} and rate > 0 and rate < 100000000

    union all

    select
        row_key,
        rate_date,
        to_currency as currency_code,
        cast({{ ratio('1', 'rate') }} as decimal(20, 12)) as rate_to_reporting,
        2 as preference,
        known_on
    from exchange_rates
    where from_currency = {{ reporting_currency() }} and rate > 0 and rate < 100000000

),

ranked as (

    select
        rates_to_reporting.*,
        row_number() over (
            partition by currency_code, rate_date order by preference asc, known_on desc, row_key asc
        ) as preference_rank
    from rates_to_reporting
    where currency_code <> {{ reporting_currency() }} and rate_date <= {{ as_of_date() }}

),

valid as (

    select
        currency_code,
        rate_to_reporting,
        rate_date as valid_from,
        coalesce(
            lead(rate_date) over (partition by currency_code order by rate_date),
            {{ add_days(as_of_date(), 1) }}
        ) as valid_to
    from ranked
    where preference_rank = 1

),

daily as (

    select
        valid.currency_code,
        dim_date.calendar_date as rate_date,
        valid.rate_to_reporting
    from valid
    inner join dim_date
        on valid.valid_from <= dim_date.calendar_date and valid.valid_to > dim_date.calendar_date

)

select * from daily
