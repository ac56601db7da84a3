{# var as_of_date → the run's business date as a SQL date; a missing or malformed one stops the compiler #}
{% macro as_of_date() -%}
    {%- set given = var('as_of_date', none) -%}
    {%- if given is none -%}
        {{ exceptions.raise_compiler_error(
            "The variable as_of_date is missing: pass --vars '{as_of_date: YYYY-MM-DD}'."
        ) }}
    {%- endif -%}
    {%- if not modules.re.match('^\\d{4}-\\d{2}-\\d{2}$', given | string) -%}
        {{ exceptions.raise_compiler_error(
            "The variable as_of_date must be a day as YYYY-MM-DD, not '" ~ given ~ "'."
        ) }}
    {%- endif -%}
    cast('{{ given }}' as date)
{%- endmacro %}
