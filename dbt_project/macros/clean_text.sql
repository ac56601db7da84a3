{# a text column as received → without surrounding blanks; null where nothing is left #}
{% macro clean_text(column) -%}
    nullif(trim({{ column }}), '')
{%- endmacro %}
