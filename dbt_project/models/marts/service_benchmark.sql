{% set complaint_metrics = [
    'median_minutes_to_first_action', 'first_contact_resolution_rate', 'median_business_hours_to_resolve',
    'sla_breach_rate', 'recurrence_rate'
] %}

-- Grain: one row per service metric, peer and month of a benchmark, up to the as-of date.
-- Our own value of a month comes from the earlier marts: there each metric is defined once. All surveys count
-- together, and so do all articles, weighted by their answers.

with fct_service_benchmark as (

    select * from {{ ref('fct_service_benchmark') }}

),

complaint_handling as (

    select * from {{ ref('complaint_handling') }}

),

loyalty_monitor as (

    select * from {{ ref('loyalty_monitor') }}

),

knowledge_reach as (

    select * from {{ ref('knowledge_reach') }}

),

loyalty as (

    select
        month,
        {{ ratio('100.0 * (sum(promoters) - sum(detractors))', 'sum(nps_responses)') }} as nps,
        {{ ratio('100.0 * sum(satisfied)', 'sum(csat_responses)') }} as csat,
        {{ ratio('sum(invited_responses)', 'sum(invited)') }} as response_rate
    from loyalty_monitor
    where segment = 'all'
    group by month

),

reach as (

    select
        month,
        {{ ratio('sum(helpful)', 'sum(helpful_answers)') }} as helpful_rate,
        {{ ratio('sum(solved)', 'sum(solved_answers)') }} as solved_rate
    from knowledge_reach
    group by month

),

actuals as (

    {%- for metric in complaint_metrics %}

    select
        '{{ metric }}' as metric,
        month,
        cast({{ metric }} as double) as actual
    from complaint_handling
    where category = 'all'

    union all
    {%- endfor %}
    {%- for metric in ['nps', 'csat', 'response_rate'] %}

    select
        '{{ metric }}' as metric,
        month,
        {{ metric }} as actual
    from loyalty

    union all
    {%- endfor %}
    {%- for metric in ['helpful_rate', 'solved_rate'] %}

    select
        '{{ metric }}' as metric,
        month,
        {{ metric }} as actual
    from reach
    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

-- Two days of one month are one month: the statement known last stands.
ranked_benchmarks as (

    select
        fct_service_benchmark.*,
        row_number() over (
            partition by metric, peer, month order by known_on desc, benchmark_key asc
        ) as recency
    from fct_service_benchmark
    where month <= {{ as_of_date() }}

),

compared as (

    select
        ranked_benchmarks.metric,
        ranked_benchmarks.peer,
        ranked_benchmarks.month,
        ranked_benchmarks.unit,
        actuals.actual,
        cast(ranked_benchmarks.benchmark_value as double) as benchmark,
        ranked_benchmarks.metric like 'median_%'
        or ranked_benchmarks.metric like '%_breach_rate'
        or ranked_benchmarks.metric = 'recurrence_rate' as is_lower_better
    from ranked_benchmarks
    left join actuals
        on ranked_benchmarks.metric = actuals.metric and ranked_benchmarks.month = actuals.month
    where ranked_benchmarks.recency = 1

),

benchmarks as (

    select
        {{ as_of_date() }} as as_of_date,
        metric,
        peer,
        month,
        unit,
        actual,
        benchmark,
        actual - benchmark as gap,
        is_lower_better,
        coalesce(case when is_lower_better then actual < benchmark else actual > benchmark end, false)
            as is_better
    from compared

)

select * from benchmarks
