{{ config(materialized='table') }}

-- Grain: one row per style of co-creation of Zou and Feng (2006), table 1; what they leave open is null.

with cocreation_style as (

    select * from {{ ref('cocreation_style') }}

),

keyed as (

    select
        md5('cocreation_style|' || style) as style_key,
        style,
        style_name,
        focus,
        goal,
        process,
        systems,
        performance_measure,
        example,
        remark,
        interaction_intensity
    from cocreation_style

)

select * from keyed
