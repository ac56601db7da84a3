{# nothing → the customer_key that `customer_joins` found, null where no customer is known #}
{% macro resolved_customer_key() -%}
    coalesce(stated_identity.customer_key, own_identity.customer_key)
{%- endmacro %}
