{# two dates, the second of which may be null → the later one #}
{% macro later_date(first, second) -%}
    case when {{ second }} > {{ first }} then {{ second }} else {{ first }} end
{%- endmacro %}
