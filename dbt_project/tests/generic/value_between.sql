{# a column, its lowest and its highest value → the rows outside; null is no value #}
{% test value_between(model, column_name, low, high) %}

select {{ column_name }}
from {{ model }}
where {{ column_name }} < {{ low }} or {{ column_name }} > {{ high }}

{% endtest %}
