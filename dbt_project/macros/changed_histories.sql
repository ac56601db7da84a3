{#
  How rfm_history and purchase are kept from night to night: history_change finds the customers whose lines have
  changed, their rows are taken out and made anew, all others stay. rfm_history follows from history_change, so
  that one cannot refer to it as to a model before it: it reads what the last night left.
#}

{# nothing → one number that tells a customer's sale and return lines apart from any others, to be grouped by customer #}
{% macro history_fingerprint() -%}
    {#- raise it where purchase or rfm_history make something else of the same lines -#}
    {%- set definition = 1 -%}
    cast(sum(
        {{ row_hash([
            'order_date', 'line_kind', 'net_revenue', 'net_cost',
            "'" ~ var('zero_value_orders') ~ "'", definition
        ]) }}
    ) as decimal(38, 0))
{%- endmacro %}

{# nothing → customer_key and fingerprint of each history as the last night left it; no rows where there is none #}
{% macro loaded_histories() -%}
    {%- set loaded = _loaded_histories() -%}
    {%- if loaded and not should_full_refresh() -%}
        select
            customer_key,
            fingerprint
        from {{ loaded }}
    {%- else -%}
        select
            cast(null as {{ dbt.type_string() }}) as customer_key,
            cast(null as decimal(38, 0)) as fingerprint
        where false
    {%- endif -%}
{%- endmacro %}

{# nothing → the condition on fct_order_line that a line counts in a history #}
{% macro is_in_history() -%}
    customer_key is not null
    and order_date <= {{ as_of_date() }}
    and line_kind in ('sale', 'return')
    and not is_cancelled
{%- endmacro %}

{# nothing → the condition that keeps the customers of history_change, none where all is made anew #}
{% macro is_changed_history() -%}
    {%- if is_incremental() and _loaded_histories() -%}
        customer_key in (select changed.customer_key from {{ ref('history_change') }} as changed)
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# nothing → the statement that takes out of this table whose rows are about to be made anew #}
{% macro forget_changed_rows() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} where {{ is_changed_history() }}
    {%- endif -%}
{%- endmacro %}

{#
  nothing → the statement that takes out of rfm_history whose purchases are about to be made anew

  So a night that ends between the two leaves customers without a history, and the next one finds them.
#}
{% macro forget_changed_histories() -%}
    {%- if _loaded_histories() -%}
        delete from {{ _loaded_histories() }} where {{ is_changed_history() }}
    {%- endif -%}
{%- endmacro %}

{% macro _loaded_histories() -%}
    {%- if execute -%}
        {{ return(adapter.get_relation(this.database, this.schema, 'rfm_history')) }}
    {%- endif -%}
{%- endmacro %}
