{# numerator, denominator → their quotient as a double; null where the denominator is zero or null #}
{% macro ratio(numerator, denominator) -%}
    case
        when {{ denominator }} <> 0 then cast({{ numerator }} as double) / cast({{ denominator }} as double)
    end
{%- endmacro %}
