{# a column of records that say it more than once → what the one known last says, of those that say anything #}
{% macro latest_said(column) -%}
    max_by({{ column }}, case when {{ column }} is not null then said_key end)
{%- endmacro %}
