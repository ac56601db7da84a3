{# value of a customer's day of sales → whether the day is a purchase, by the company's zero_value_orders #}
{% macro is_purchase(day_value) -%}
    {{ day_value }} {{ '>=' if var('zero_value_orders') == 'counted' else '>' }} 0
{%- endmacro %}
