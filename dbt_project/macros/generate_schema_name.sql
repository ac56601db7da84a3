{# the schema a folder asks for → exactly that schema, without the target's as a prefix #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
