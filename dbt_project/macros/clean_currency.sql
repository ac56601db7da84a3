{# a currency code as received → upper case without surrounding blanks; null where nothing is left #}
{% macro clean_currency(column) -%}
    upper(nullif(trim({{ column }}), ''))
{%- endmacro %}
