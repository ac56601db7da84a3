{# columns, qualified → one number that changes when any of them does; a release of the engine may give others #}
{% macro row_hash(columns) -%}
    {{ adapter.dispatch('row_hash', 'ckm')(columns) }}
{%- endmacro %}

{% macro duckdb__row_hash(columns) -%}
    cast(hash({{ columns | join(', ') }}) as decimal(38, 0))
{%- endmacro %}

{% macro spark__row_hash(columns) -%}
    cast(xxhash64({{ columns | join(', ') }}) as decimal(38, 0))
{%- endmacro %}
