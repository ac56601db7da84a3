{# two timestamps → the whole seconds from the first to the second, negative where the second is earlier #}
{% macro seconds_between(first, second) -%}
    {{ adapter.dispatch('seconds_between', 'ckm')(first, second) }}
{%- endmacro %}

{% macro duckdb__seconds_between(first, second) -%}
    (epoch_ms({{ second }}) - epoch_ms({{ first }})) // 1000
{%- endmacro %}

{% macro spark__seconds_between(first, second) -%}
    (unix_timestamp({{ second }}) - unix_timestamp({{ first }}))
{%- endmacro %}
