{#
  a base fact's latest rows, its month and its other columns → the rows of every month that must be written

  First load: all of them. Later: a month is written again when the rows that it should hold and those that
  it does hold differ in number or in the sum of their hashes. So every change is found, whatever caused it: a
  late or deleted row, a header's new date, an erasure, another time zone. A month that has lost all its rows
  comes back as one row of nulls, which replaces them; facts leave it out.
#}
{% macro reload_changed_months(rows, month, columns) -%}
    {%- if is_incremental() -%}
        {%- for side, relation in [('latest', rows), ('loaded', this)] -%}
{{ side }}_months as (

    select
        {{ side }}.{{ month }},
        count(*) as row_count,
        sum(
            {%- set qualified = [] -%}
            {%- for column in columns -%}{%- do qualified.append(side ~ '.' ~ column) -%}{%- endfor %}
            {{ row_hash(qualified) }}
        ) as fingerprint
    from {{ relation }} as {{ side }}
    where {{ side }}.row_key is not null
    group by {{ side }}.{{ month }}

),

        {% endfor -%}
reload_months as (

    select latest_months.{{ month }}
    from latest_months
    left join loaded_months on latest_months.{{ month }} = loaded_months.{{ month }}
    where
        loaded_months.{{ month }} is null
        or latest_months.row_count <> loaded_months.row_count
        or latest_months.fingerprint <> loaded_months.fingerprint

    union all

    select loaded_months.{{ month }}
    from loaded_months
    where not exists (
        select 1 from latest_months where latest_months.{{ month }} = loaded_months.{{ month }}
    )

)
    {%- else -%}
reload_months as (

    select distinct latest.{{ month }}
    from {{ rows }} as latest

)
    {%- endif %}

select
    reload_months.{{ month }},
    {%- for column in columns %}
    latest_rows.{{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from reload_months
left join {{ rows }} as latest_rows on reload_months.{{ month }} = latest_rows.{{ month }}
{%- endmacro %}
