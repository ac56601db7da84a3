{#
  a fact, the log of its object, the object's name, the fact's key, the log's source → the rows that only one of the two holds

  The log is read by its own road here (no later version exists), not by the macro that staging uses.
#}
{% test nothing_lost(model, log, object, key_column, source='crm') %}

with in_raw as (

    select md5('{{ source }}|{{ object }}|' || versions.row_key) as row_hash
    from {{ log }} as versions
    where
        versions.known_on <= {{ as_of_date() }}
        and not versions.is_deleted
        and not exists (
            select 1
            from {{ log }} as later
            where
                later.row_key = versions.row_key
                and later.known_on <= {{ as_of_date() }}
                and later.version_number > versions.version_number
        )

),

in_fact as (

    select {{ key_column }} as row_hash from {{ model }}

)

select
    'in raw only' as problem,
    in_raw.row_hash
from in_raw
where not exists (select 1 from in_fact where in_fact.row_hash = in_raw.row_hash)

union all

select
    'in the fact only' as problem,
    in_fact.row_hash
from in_fact
where not exists (select 1 from in_raw where in_raw.row_hash = in_fact.row_hash)

{% endtest %}
