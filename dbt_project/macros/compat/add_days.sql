{# a date and a whole number of days (may be a SQL expression) → the date that many days later #}
{% macro add_days(date, days) -%}
    {{ adapter.dispatch('add_days', 'ckm')(date, days) }}
{%- endmacro %}

{% macro duckdb__add_days(date, days) -%}
    ({{ date }} + cast({{ days }} as integer))
{%- endmacro %}

{% macro spark__add_days(date, days) -%}
    date_add({{ date }}, cast({{ days }} as integer))
{%- endmacro %}
