{# columns of a model → one row of counts where any of them is null in any row; one scan judges all #}
{% test no_column_is_null(model, columns) %}

with missing as (

    select
        {%- for column in columns %}
        count(*) - count({{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ model }}

)

select *
from missing
where {% for column in columns %}{{ column }}{{ ' + ' if not loop.last }}{% endfor %} > 0

{% endtest %}
