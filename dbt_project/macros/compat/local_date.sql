{# a timestamp in UTC → the calendar day it fell on in the company's time zone #}
{% macro local_date(timestamp) -%}
    {{ adapter.dispatch('local_date', 'ckm')(timestamp) }}
{%- endmacro %}

{% macro duckdb__local_date(timestamp) -%}
    cast({{ timestamp }} at time zone 'UTC' at time zone '{{ var("time_zone") }}' as date)
{%- endmacro %}

{% macro spark__local_date(timestamp) -%}
    cast(from_utc_timestamp({{ timestamp }}, '{{ var("time_zone") }}') as date)
{%- endmacro %}
