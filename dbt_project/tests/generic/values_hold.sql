{#
  a model, a condition per column → one row of counts where a condition is false in any row

  One scan judges all columns; a condition that is null holds. :as_of_date stands for the as-of date.
#}
{% test values_hold(model, rules) %}

with broken as (

    select
        {%- for column, condition in rules.items() %}
        coalesce(
            sum(case when not ({{ condition | replace(':as_of_date', as_of_date()) }}) then 1 else 0 end), 0
        ) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ model }}

)

select *
from broken
where {% for column in rules %}{{ column }}{{ ' + ' if not loop.last }}{% endfor %} > 0

{% endtest %}
