{# var reporting_currency → the ISO code as a SQL text #}
{% macro reporting_currency() -%}
    '{{ var("reporting_currency") | upper }}'
{%- endmacro %}
