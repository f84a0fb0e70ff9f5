-- one row per row of the table of arms, in types that can be counted with and in the order of the scale of keys
{{ config(enabled=kindred.has_experiments()) }}

with declared as (

    select
        {{ kindred.select_table_columns('experiment_arms') }}
    from {{ kindred.table_relation('experiment_arms') }}

),

{% for column, place in {'category': 'items', 'brand': 'items', 'segment': 'users'}.items() -%}
{{ column }}_words as (

    select
        lower({{ column }}) as word,
        min({{ column }}) as {{ column }}
    from {{ ref('kindred', place) }}
    where {{ column }} is not null
    group by lower({{ column }})

),

{% endfor -%}
known_policies as (select policy from {{ ref('checked_policies') }} where problem is null),

final as (

    select
        coalesce(declared.experiment_id, '') as experiment_id,
        declared.arm,
        row_number() over (
            partition by declared.experiment_id order by declared.position nulls last, declared.arm, declared.share
        ) as position,
        case when declared.position is null then declared.position_text end as position_text,
        declared.share,
        case when declared.share is null then declared.share_text end as share_text,
        coalesce(declared.is_control, false) as is_control,
        case when declared.is_control is null then declared.is_control_text end as is_control_text,
        declared.policy,
        declared.value,
        {{ kindred.try_convert('declared.value', 'varchar', 'number') }} as factor,
        declared.min_price,
        case when declared.min_price is null then declared.min_price_text end as min_price_text,
        declared.max_price,
        case when declared.max_price is null then declared.max_price_text end as max_price_text,
        declared.price_step,
        case when declared.price_step is null then declared.price_step_text end as price_step_text,
        coalesce(segment_words.segment, declared.segment) as segment,
        declared.activity,
        coalesce(category_words.category, declared.category) as category,
        coalesce(brand_words.brand, declared.brand) as brand,
        declared.policy is null or known_policies.policy is not null as is_known_policy,
        count(*) over (partition by declared.experiment_id, declared.arm) as n_rows_of_arm
    from declared
    left join known_policies
        on declared.policy = known_policies.policy
    {%- for column in ['category', 'brand', 'segment'] %}
    left join {{ column }}_words
        on lower(declared.{{ column }}) = {{ column }}_words.word
    {%- endfor %}

)

select * from final
