-- one row per row of the table of eligibility, typed
-- Words of the catalogue are written as it writes them: case makes no other word.
{{ config(materialized='ephemeral') }}

with declared as (

    select
        {{ kindred.select_table_columns('eligibility') }}
    from {{ kindred.table_relation('eligibility') }}

),

items as (select * from {{ ref('kindred', 'items') }}),

{% for column in ['category', 'brand'] -%}
{{ column }}_words as (

    select
        lower({{ column }}) as word,
        min({{ column }}) as {{ column }}
    from items
    where {{ column }} is not null
    group by lower({{ column }})

),

{% endfor -%}
final as (

    select
        declared.rule_id,
        declared.item_id,
        coalesce(category_words.category, declared.category) as category,
        coalesce(brand_words.brand, declared.brand) as brand,
        declared.field,
        lower(declared.operator) as operator,
        declared.value,
        {{ kindred.try_convert('declared.value', 'varchar', 'number') }} as number,
        declared.category is not null and category_words.word is null as is_unknown_category,
        declared.brand is not null and brand_words.word is null as is_unknown_brand,
        count(*) over (partition by declared.rule_id) as n_rows_of_id
    from declared
    left join category_words
        on lower(declared.category) = category_words.word
    left join brand_words
        on lower(declared.brand) = brand_words.word

)

select * from final
