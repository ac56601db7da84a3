-- Grain: one row per style of co-creation and quarter in which an initiative ran or something came of one.
-- What belongs to an initiative that the source does not list stands under the style 'unknown'.
-- Events dated after the as-of date are not counted.

with dim_initiative as (

    select * from {{ ref('dim_initiative') }}

),

dim_date as (

    select * from {{ ref('dim_date') }}

),

fct_contribution as (

    select * from {{ ref('fct_contribution') }}

),

fct_release as (

    select * from {{ ref('fct_release') }}

),

fct_initiative_outcome as (

    select * from {{ ref('fct_initiative_outcome') }}

),

initiatives as (

    select
        initiative_key,
        coalesce(style, 'unknown') as style,
        started_on,
        -- one that is over without a last day is only known to have begun
        coalesce(
            ended_on, case when status in ('ended', 'stopped') then started_on end, {{ as_of_date() }}
        ) as last_day,
        status <> 'planned' and started_on <= {{ as_of_date() }} as has_begun
    from dim_initiative

),

-- Every day on which a quarter begins and the initiative runs, its own first quarter included.
running as (

    select
        initiatives.style,
        dim_date.calendar_date as quarter,
        count(*) as initiatives
    from initiatives
    inner join dim_date
        on
            {{ quarter_start('initiatives.started_on') }} <= dim_date.calendar_date
            and initiatives.last_day >= dim_date.calendar_date
            and dim_date.calendar_date <= {{ as_of_date() }}
    where
        initiatives.has_begun
        and dim_date.day_of_month = 1
        and dim_date.month_of_year in (1, 4, 7, 10)
    group by initiatives.style, dim_date.calendar_date

),

contributions as (

    select
        initiatives.style,
        {{ quarter_start('fct_contribution.contributed_date') }} as quarter,
        count(distinct coalesce(fct_contribution.customer_key, fct_contribution.member_key)) as contributors,
        count(*) as contributions,
        sum(case when fct_contribution.is_adopted then 1 else 0 end) as adopted
    from fct_contribution
    inner join initiatives on fct_contribution.initiative_key = initiatives.initiative_key
    where fct_contribution.contributed_date <= {{ as_of_date() }}
    group by initiatives.style, {{ quarter_start('fct_contribution.contributed_date') }}

),

releases as (

    select
        initiatives.style,
        {{ quarter_start('fct_release.released_on') }} as quarter,
        count(*) as releases
    from fct_release
    inner join initiatives on fct_release.initiative_key = initiatives.initiative_key
    where fct_release.released_on <= {{ as_of_date() }}
    group by initiatives.style, {{ quarter_start('fct_release.released_on') }}

),

-- Every share in a property states the value of the whole: the first of them stands for all.
ranked_outcomes as (

    select
        fct_initiative_outcome.*,
        row_number() over (
            partition by object, initiative_key, outcome_date, ip_kind, amount, currency_code
            order by outcome_key
        ) as share_rank
    from fct_initiative_outcome
    where outcome_date <= {{ as_of_date() }}

),

money as (

    select
        initiatives.style,
        {{ quarter_start('ranked_outcomes.outcome_date') }} as quarter,
        {%- for kind, measure in {'revenue': 'revenue', 'saving': 'savings', 'cost': 'cost'}.items() %}
        sum(case when ranked_outcomes.outcome_kind = '{{ kind }}' then ranked_outcomes.net_amount end)
            as {{ measure }},
        {%- endfor %}
        sum(
            case
                when ranked_outcomes.outcome_kind = 'ip_value' and ranked_outcomes.share_rank = 1
                    then ranked_outcomes.net_amount
            end
        ) as ip_value
    from ranked_outcomes
    inner join initiatives on ranked_outcomes.initiative_key = initiatives.initiative_key
    group by initiatives.style, {{ quarter_start('ranked_outcomes.outcome_date') }}

),

active_quarters as (

    select
        style,
        quarter
    from running
    union
    select
        style,
        quarter
    from contributions
    union
    select
        style,
        quarter
    from releases
    union
    select
        style,
        quarter
    from money

),

together as (

    select
        active_quarters.style,
        active_quarters.quarter,
        cast(coalesce(running.initiatives, 0) as bigint) as initiatives,
        cast(coalesce(contributions.contributors, 0) as bigint) as contributors,
        cast(coalesce(contributions.contributions, 0) as bigint) as contributions,
        cast(coalesce(contributions.adopted, 0) as bigint) as adopted,
        cast(coalesce(releases.releases, 0) as bigint) as releases,
        cast(coalesce(money.revenue, 0) as decimal(18, 4)) as revenue,
        cast(coalesce(money.savings, 0) as decimal(18, 4)) as savings,
        cast(coalesce(money.ip_value, 0) as decimal(18, 4)) as ip_value,
        cast(coalesce(money.cost, 0) as decimal(18, 4)) as cost
    from active_quarters
    left join running
        on active_quarters.style = running.style and active_quarters.quarter = running.quarter
    left join contributions
        on active_quarters.style = contributions.style and active_quarters.quarter = contributions.quarter
    left join releases
        on active_quarters.style = releases.style and active_quarters.quarter = releases.quarter
    left join money
        on active_quarters.style = money.style and active_quarters.quarter = money.quarter

),

portfolio as (

    select
        {{ as_of_date() }} as as_of_date,
        style,
        quarter,
        initiatives,
        contributors,
        contributions,
        adopted,
        {{ ratio('adopted', 'contributions') }} as adoption_rate,
        releases,
        revenue,
        savings,
        ip_value,
        cost,
        {{ ratio('(revenue + savings + ip_value - cost)', 'cost') }} as roi,
        {{ reporting_currency() }} as currency_code
    from together

)

select * from portfolio
