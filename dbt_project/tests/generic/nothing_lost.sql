{#
  a model, a system, its objects, the model's key → the rows that only one of log and model holds, or with another value

  objects: of each object's log, what stands in a column of the model (column: expression), such as money.
  native_key: what names a row of a dimension, whose rows are keyed by it and not by the log's row key.

  The logs are read by their own road here (no later version exists), not by the macro that staging uses.
#}
{% test nothing_lost(model, system, objects, key_column, native_key=none) %}

{%- set columns = (objects.values() | first).keys() | list %}

with in_raw as (

    {%- for object, expressions in objects.items() %}

    select {{ 'distinct' if native_key }}
        md5('{{ system }}|{{ object }}|' || {{ native_key or 'versions.row_key' }}) as row_hash
        {%- for column in columns %},
        {{ expressions[column] }} as {{ column }}
        {%- endfor %}
    from {{ source(system, object) }} as versions
    where
        versions.known_on <= {{ as_of_date() }}
        and not versions.is_deleted
        {%- if native_key %}
        and {{ native_key }} <> ''
        {%- endif %}
        and not exists (
            select 1
            from {{ source(system, object) }} as later
            where
                later.row_key = versions.row_key
                and later.known_on <= {{ as_of_date() }}
                and later.version_number > versions.version_number
        )
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

in_model as (

    select
        {{ key_column }} as row_hash
        {%- for column in columns %},
        {{ column }}
        {%- endfor %}
    from {{ model }}

)

select
    coalesce(in_raw.row_hash, in_model.row_hash) as row_hash,
    case
        when in_model.row_hash is null then 'in raw only'
        when in_raw.row_hash is null then 'in the model only'
        else 'with another value'
    end as problem
from in_raw
full join in_model on in_raw.row_hash = in_model.row_hash
where
    in_raw.row_hash is null
    or in_model.row_hash is null
    {%- for column in columns %}
    or in_raw.{{ column }} is distinct from in_model.{{ column }}
    {%- endfor %}

{% endtest %}
