{#
  a raw log of row versions → the rows as they were known on the as-of date, without the deleted ones

  first_known_on is the date on which the row was known for the first time, in whichever version.
  With native_key, rows whose native key differs only in surrounding blanks count as one: the one known last.
#}
{% macro latest_versions(log, native_key=none) -%}
    (
        {%- if native_key %}
        select *
        from (
            select
                by_row.*,
                row_number() over (
                    partition by coalesce(trim(by_row.{{ native_key }}), by_row.row_key)
                    order by by_row.known_on desc, by_row.version_number desc, by_row.row_key desc
                ) as key_recency
            from (
        {%- endif %}
        select *
        from (
            select
                versions.*,
                min(versions.known_on) over (partition by versions.row_key) as first_known_on,
                row_number() over (
                    partition by versions.row_key order by versions.version_number desc
                ) as recency
            from {{ log }} as versions
            where versions.known_on <= {{ as_of_date() }}
        ) as ranked
        where ranked.recency = 1 and not ranked.is_deleted
        {%- if native_key %}
            ) as by_row
        ) as by_key
        where by_key.key_recency = 1
        {%- endif %}
    )
{%- endmacro %}
