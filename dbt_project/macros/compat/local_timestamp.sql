{# a timestamp in UTC → the moment as the clocks of the company's time zone showed it #}
{% macro local_timestamp(timestamp) -%}
    {{ adapter.dispatch('local_timestamp', 'ckm')(timestamp) }}
{%- endmacro %}

{% macro duckdb__local_timestamp(timestamp) -%}
    ({{ timestamp }} at time zone 'UTC' at time zone '{{ var("time_zone") }}')
{%- endmacro %}

{% macro spark__local_timestamp(timestamp) -%}
    from_utc_timestamp({{ timestamp }}, '{{ var("time_zone") }}')
{%- endmacro %}
