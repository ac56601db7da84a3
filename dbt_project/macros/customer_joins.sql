{#
  a base fact's alias, the kind of its source's own person ids → the joins that find its customer

  customer_ref is the CRM's id as the row states it, person_ref the source's own id; what the row states wins.
  `resolved_customer_key` reads the result.
#}
{% macro customer_joins(base, persons) -%}
    left join customer_identity as stated_identity
        on
            stated_identity.source = 'crm'
            and stated_identity.object = 'customers'
            and {{ base }}.customer_ref = stated_identity.native_id
    left join customer_identity as own_identity
        on
            {{ base }}.source = own_identity.source
            and own_identity.object = '{{ persons }}'
            and {{ base }}.person_ref = own_identity.native_id
{%- endmacro %}
