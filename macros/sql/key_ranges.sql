{#- CTEs `places` and `borders`: the rows of `relation`, each with the fractions from_fraction and to_fraction of all
    keys that its share takes among the rows of the same `partition`, in the order of position. Sums are of whole 1e-12, which
    no order of the rows can change; rounding leaves nobody without an arm, since the last one that has a share ends at
    1. Where no row has a share all fractions are 0. -#}
{% macro key_ranges(relation, partition) %}
places as (

    select
        *,
        cast(round(share * 1e12) as bigint) as width,
        sum(cast(round(share * 1e12) as bigint)) over (
            partition by {{ partition }}
            order by position
            rows between unbounded preceding and current row
        ) as reach,
        max(case when share > 0 then position end) over (partition by {{ partition }}) as last_position
    from {{ relation }}

),

borders as (

    select
        *,
        case when position > last_position then 1e0 else (reach - width) / 1e12 end as from_fraction,
        case when position >= last_position then 1e0 else reach / 1e12 end as to_fraction
    from places

)
{%- endmacro %}
