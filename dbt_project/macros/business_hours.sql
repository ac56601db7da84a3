{# two moments in UTC → the business hours from the first to the second, negative where the second is earlier #}
{% macro business_hours(first, second) -%}
    cast({{ business_seconds_since_1900(second) }} - {{ business_seconds_since_1900(first) }} as double) / 3600
{%- endmacro %}
