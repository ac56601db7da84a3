{#
  a moment in UTC → the seconds of business time from 1900-01-01, a Monday, to that moment; null for null

  Business time runs Monday to Friday from business_day_start_hour to business_day_end_hour by the clocks of the
  company's zone. A closed formula: five days for each whole week, one for each weekday of the current week that
  is over, and of today's hours those that have passed.
#}
{% macro business_seconds_since_1900(moment) -%}
    {%- set start_hour = var('business_day_start_hour') -%}
    {%- set seconds_per_day = (var('business_day_end_hour') - start_hour) * 3600 -%}
    {%- set day = local_date(moment) -%}
    {%- set days = days_between("date '1900-01-01'", day) -%}
    {%- set clock_seconds = seconds_between('cast(' ~ day ~ ' as timestamp)', local_timestamp(moment)) -%}
    (
        ({{ days }} - {{ days }} % 7) * 5 / 7 * {{ seconds_per_day }}
        + least({{ days }} % 7, 5) * {{ seconds_per_day }}
        + case
            when {{ days }} % 7 < 5
                then least(greatest({{ clock_seconds }} - {{ start_hour * 3600 }}, 0), {{ seconds_per_day }})
            else 0
        end
    )
{%- endmacro %}
