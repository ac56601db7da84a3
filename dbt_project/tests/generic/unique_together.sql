{# a model and several columns → the combinations of their values that more than one row has #}
{% test unique_together(model, columns) %}
select
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}
