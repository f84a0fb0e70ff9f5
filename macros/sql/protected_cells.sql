{#- CTEs by which the rows of `source` keep silent about few people: the last, named `protected`, has the rows that may
    be published. A row of fewer than min_people of kindred__privacy is left out; where it is the only one that a total
    and its other parts would tell, the smallest of these is left out too (complementary suppression: L. Cox,
    "Suppression Methodology and Statistical Disclosure Control", JASA 1980).
    key: the columns of the rows' key. parts: {column of the key: the value that stands for all}; n_people: the column
    with the number of people. Three times through the columns, as leaving out by one may bare what another hid. -#}
{% macro protected_cells(source, key, parts, n_people) -%}
    {%- set min_people = kindred.setting('privacy', 'min_people') -%}
    {%- set steps = [] -%}
    {%- for _ in range(3) -%}{%- do steps.extend(parts.items()) -%}{%- endfor -%}
    {%- if min_people == 1 -%}
protected as (select * from {{ source }})
    {%- else -%}
hidden_0 as (

    select
        *,
        case when {{ n_people }} < {{ min_people }} then 1 else 0 end as is_hidden
    from {{ source }}

),
{% for column, everything in steps %}
{%- set is_total = "case when " ~ column ~ " = " ~ everything ~ " then 1 else 0 end" %}
{%- set family = (key | reject('equalto', column) | list + [is_total]) | join(', ') %}
counted_{{ loop.index }} as (

    select
        *,
        {{ is_total }} as is_total,
        sum(is_hidden) over (partition by {{ family }}) as n_hidden,
        row_number() over (partition by {{ family }}, is_hidden order by {{ n_people }}, {{ column }}) as place
    from hidden_{{ loop.index0 }}

),

hidden_{{ loop.index }} as (

    select
        {{ key | join(', ') }},
        {{ n_people }},
        case when is_total = 0 and n_hidden = 1 and place = 1 then 1 else is_hidden end as is_hidden
    from counted_{{ loop.index }}

),
{% endfor %}
protected as (

    select source_rows.*
    from {{ source }} as source_rows
    inner join hidden_{{ steps | length }} as hidden
        on {% for column in key %}source_rows.{{ column }} = hidden.{{ column }}{{ "\n            and " if not loop.last }}{% endfor %}
    where hidden.is_hidden = 0

)
    {%- endif -%}
{%- endmacro %}
