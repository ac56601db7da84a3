{# a date → its integer yyyymmdd in dim_date; null where dim_date does not reach (before 1990, after 2049) #}
{% macro date_key(date) -%}
    case
        when {{ date }} between date '1990-01-01' and date '2049-12-31'
            then cast(
                extract(year from {{ date }}) * 10000
                + extract(month from {{ date }}) * 100
                + extract(day from {{ date }}) as integer
            )
    end
{%- endmacro %}
