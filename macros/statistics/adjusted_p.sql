{#- CTEs that adjust p-values for how many there are, the last named `adjusted`: `source` with <p>_holm (S. Holm, "A
    simple sequentially rejective multiple test procedure", Scandinavian J. of Statistics 1979) and <p>_bh (Y.
    Benjamini, Y. Hochberg, "Controlling the false discovery rate", J. of the Royal Statistical Society B 1995) for
    each of `columns`. family: the columns that p-values of one family share; ties: those that order equal ones. A
    null is in no family. -#}
{% macro adjusted_p(source, family, columns, ties) -%}
adjusted_ranks as (

    select
        *,
        {% for p in columns -%}
        row_number() over (partition by {{ family }}, {{ p }} is null order by {{ p }}, {{ ties }}) as {{ p }}_rank,
        count(*) over (partition by {{ family }}, {{ p }} is null) as {{ p }}_count{{ "," if not loop.last }}
        {% endfor %}
    from {{ source }}

),

adjusted as (

    select
        *,
        {% for p in columns -%}
        case when {{ p }} is not null then least(1.0e0, max({{ p }} * ({{ p }}_count - {{ p }}_rank + 1)) over (
            partition by {{ family }}, {{ p }} is null
            order by {{ p }}_rank
            rows between unbounded preceding and current row
        )) end as {{ p }}_holm,
        case when {{ p }} is not null then least(1.0e0, min({{ p }} * {{ p }}_count / {{ p }}_rank) over (
            partition by {{ family }}, {{ p }} is null
            order by {{ p }}_rank desc
            rows between unbounded preceding and current row
        )) end as {{ p }}_bh{{ "," if not loop.last }}
        {% endfor %}
    from adjusted_ranks

)
{%- endmacro %}
