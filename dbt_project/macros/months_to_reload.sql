{#
  a base fact's latest rows → the CTE reload_months: the months to write again

  First load: every month of the rows. Later: a row is affected when a version of itself or of a row it
  depends on became known since the table's newest known_on (that day included, so that a rerun of a day
  repeats it), judged by the table as it stands and by the latest rows alike, because a deleted header is
  known only to the former and a new one only to the latter. The months are those that the affected rows
  stand in and those that they belong to now. `depends_on` maps each column that holds a row key to the
  object whose key it is. `row_changes` is passed in, because dbt must see the reference on the first load, too.
#}
{% macro months_to_reload(rows, month, row_changes, depends_on) -%}
    {%- if is_incremental() -%}
changed_rows as (

    select
        changes.object,
        changes.row_key
    from {{ row_changes }} as changes
    where
        changes.known_on >= (
            select coalesce(max(newest.known_on), date '1900-01-01') from {{ this }} as newest
        )

),

affected_rows as (
        {% for side, relation in [('loaded', this), ('latest', rows)] %}
            {%- set is_last_side = loop.last %}
            {%- for column, object in depends_on.items() %}
    select {{ side }}.row_key
    from {{ relation }} as {{ side }}
    where {{ side }}.{{ column }} in (
        select changed_rows.row_key from changed_rows where changed_rows.object = '{{ object }}'
    )
    {{ 'union' if not (is_last_side and loop.last) }}
            {%- endfor %}
        {%- endfor %}
),

reload_months as (

    select loaded.{{ month }}
    from {{ this }} as loaded
    where loaded.row_key in (select affected_rows.row_key from affected_rows)
    union
    select latest.{{ month }}
    from {{ rows }} as latest
    where latest.row_key in (select affected_rows.row_key from affected_rows)

)
    {%- else -%}
reload_months as (

    select distinct latest.{{ month }}
    from {{ rows }} as latest

)
    {%- endif -%}
{%- endmacro %}
