{# a column of numbers → the median of a group as a double; null where the group holds none #}
{% macro median(column) -%}
    {{ adapter.dispatch('median', 'ckm')(column) }}
{%- endmacro %}

{% macro duckdb__median(column) -%}
    cast(median({{ column }}) as double)
{%- endmacro %}

{% macro spark__median(column) -%}
    cast(percentile({{ column }}, 0.5) as double)
{%- endmacro %}
