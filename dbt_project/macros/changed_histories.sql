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

{# nothing → the statement that takes out of this table whose history has changed, or all where none is known #}
{% macro forget_changed_histories() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        {%- if _loaded_histories() %}
        where customer_key in (select changed.customer_key from {{ ref('history_change') }} as changed)
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#
  nothing → the statement that takes out of rfm_history whose purchases are about to be made anew

  So a night that ends between the two leaves customers without a history, and the next one finds them.
#}
{% macro forget_histories_of_changed() -%}
    {%- set loaded = _loaded_histories() -%}
    {%- if loaded -%}
        delete from {{ loaded }}
        {%- if is_incremental() %}
        where customer_key in (select changed.customer_key from {{ ref('history_change') }} as changed)
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# nothing → the condition that keeps the customers of history_change, none where all is made anew #}
{% macro is_changed_history() -%}
    {%- if is_incremental() -%}
        customer_key in (select changed.customer_key from {{ ref('history_change') }} as changed)
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{% macro _loaded_histories() -%}
    {%- if execute -%}
        {{ return(adapter.get_relation(this.database, this.schema, 'rfm_history')) }}
    {%- endif -%}
{%- endmacro %}
