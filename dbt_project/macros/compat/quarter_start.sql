{# a date → the first day of its quarter, a date again #}
{% macro quarter_start(date) -%}
    {{ adapter.dispatch('quarter_start', 'ckm')(date) }}
{%- endmacro %}

{% macro duckdb__quarter_start(date) -%}
    cast(date_trunc('quarter', {{ date }}) as date)
{%- endmacro %}

{% macro spark__quarter_start(date) -%}
    trunc({{ date }}, 'QUARTER')
{%- endmacro %}
