{# first and last day as text → a query of every day from one to the other, as calendar_date #}
{% macro date_series(first, last) -%}
    {{ adapter.dispatch('date_series', 'ckm')(first, last) }}
{%- endmacro %}

{% macro duckdb__date_series(first, last) -%}
    select cast(unnest(generate_series(date '{{ first }}', date '{{ last }}', interval 1 day)) as date)
        as calendar_date
{%- endmacro %}

{% macro spark__date_series(first, last) -%}
    select explode(sequence(date '{{ first }}', date '{{ last }}', interval 1 day)) as calendar_date
{%- endmacro %}
