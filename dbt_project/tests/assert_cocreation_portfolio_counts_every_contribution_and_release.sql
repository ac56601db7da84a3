-- The mart's contributions, adopted ones and releases are the facts', up to the as-of date.

with in_mart as (

    select
        coalesce(sum(contributions), 0) as contributions,
        coalesce(sum(adopted), 0) as adopted,
        coalesce(sum(releases), 0) as releases
    from {{ ref('cocreation_portfolio') }}

),

contributions as (

    select
        count(*) as contributions,
        count(case when is_adopted then 1 end) as adopted
    from {{ ref('fct_contribution') }}
    where contributed_date <= {{ as_of_date() }}

),

releases as (

    select count(*) as releases
    from {{ ref('fct_release') }}
    where released_on <= {{ as_of_date() }}

)

select
    in_mart.contributions,
    contributions.contributions as contributions_in_fact,
    in_mart.adopted,
    contributions.adopted as adopted_in_fact,
    in_mart.releases,
    releases.releases as releases_in_fact
from in_mart
cross join contributions
cross join releases
where
    in_mart.contributions <> contributions.contributions
    or in_mart.adopted <> contributions.adopted
    or in_mart.releases <> releases.releases
