{# a date → the first day of its month, a date again #}
{% macro month_start(date) -%}
    {{ adapter.dispatch('month_start', 'ckm')(date) }}
{%- endmacro %}

{% macro duckdb__month_start(date) -%}
    cast(date_trunc('month', {{ date }}) as date)
{%- endmacro %}

{% macro spark__month_start(date) -%}
    trunc({{ date }}, 'MM')
{%- endmacro %}
