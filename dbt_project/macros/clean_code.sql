{# a column of codes as received → lower case without surrounding blanks; null where nothing is left #}
{% macro clean_code(column) -%}
    lower(nullif(trim({{ column }}), ''))
{%- endmacro %}
