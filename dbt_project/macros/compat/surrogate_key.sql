{# source slug, object's name, native key → md5 as hex; null where the native key is null #}
{% macro surrogate_key(source, object, native_key) -%}
    {{ adapter.dispatch('surrogate_key', 'ckm')(source, object, native_key) }}
{%- endmacro %}

{% macro default__surrogate_key(source, object, native_key) -%}
    md5({{ source }} || '|{{ object }}|' || {{ native_key }})
{%- endmacro %}
