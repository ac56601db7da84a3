{# a column of codes of several words as received → lower case, words joined by underscores; null where empty #}
{% macro clean_slug(column) -%}
    replace(replace({{ clean_code(column) }}, ' ', '_'), '-', '_')
{%- endmacro %}
