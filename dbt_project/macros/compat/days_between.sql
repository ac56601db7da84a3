{# two dates → the days from the first to the second, negative where the second is earlier #}
{% macro days_between(first, second) -%}
    {{ adapter.dispatch('days_between', 'ckm')(first, second) }}
{%- endmacro %}

{% macro duckdb__days_between(first, second) -%}
    date_diff('day', {{ first }}, {{ second }})
{%- endmacro %}

{% macro spark__days_between(first, second) -%}
    cast(datediff({{ second }}, {{ first }}) as bigint)
{%- endmacro %}
