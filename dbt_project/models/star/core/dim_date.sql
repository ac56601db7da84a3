{%- set week_starts = {
    'monday': 1, 'tuesday': 2, 'wednesday': 3, 'thursday': 4, 'friday': 5, 'saturday': 6, 'sunday': 7
} -%}
{%- set week_start = week_starts[var('week_start') | lower] -%}
{%- set fiscal_start = var('fiscal_year_start_month') | int -%}

-- Grain: one row per calendar day from 1990-01-01 to 2049-12-31; fixed, so that no key ever changes.
-- Weekdays are counted from 1900-01-01, a Monday, because the engines number them differently.

with calendar as (

    {{ date_series('1990-01-01', '2049-12-31') }}

),

numbered as (

    select
        calendar_date,
        cast(extract(year from calendar_date) as integer) as calendar_year,
        cast(extract(month from calendar_date) as integer) as month_of_year,
        cast(extract(day from calendar_date) as integer) as day_of_month,
        cast({{ days_between("date '1900-01-01'", 'calendar_date') }} % 7 as integer) + 1 as iso_weekday
    from calendar

),

weeks as (

    select
        numbered.*,
        -- the Thursday of a day's ISO week decides to which year the week belongs
        {{ add_days('calendar_date', '4 - iso_weekday') }} as iso_thursday,
        {{ add_days('calendar_date', '0 - (iso_weekday + 7 - ' ~ week_start ~ ') % 7') }} as week_start_date,
        -- months since the fiscal year began, 0 to 11
        (month_of_year + 12 - {{ fiscal_start }}) % 12 as fiscal_month_offset
    from numbered

),

described as (

    select
        {{ date_key('calendar_date') }} as date_key,
        calendar_date,
        calendar_year,
        cast(floor((month_of_year + 2) / 3.0) as integer) as quarter_of_year,
        month_of_year,
        {{ month_start('calendar_date') }} as month_start_date,
        day_of_month,
        case month_of_year
            {%- for name in ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August',
                             'September', 'October', 'November', 'December'] %}
            when {{ loop.index }} then '{{ name }}'
            {%- endfor %}
        end as month_name,
        iso_weekday,
        case iso_weekday
            {%- for name in ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] %}
            when {{ loop.index }} then '{{ name }}'
            {%- endfor %}
        end as weekday_name,
        iso_weekday >= 6 as is_weekend,
        cast(extract(year from iso_thursday) as integer) as iso_year,
        cast(floor((extract(doy from iso_thursday) + 6) / 7.0) as integer) as iso_week,
        week_start_date,
        -- a fiscal year bears the number of the calendar year in which it ends
        cast(
            calendar_year
            + case when {{ fiscal_start }} > 1 and month_of_year >= {{ fiscal_start }} then 1 else 0 end
            as integer
        ) as fiscal_year,
        cast(floor(fiscal_month_offset / 3.0) as integer) + 1 as fiscal_quarter
    from weeks

)

select * from described
