-- one row per (user_id, rank): the list of each person who is known and may be addressed
{% set has_transformer = 'transformer' not in kindred.absent_generators() %}

with lists as (

    select
        ranked.user_id,
        ranked.rank,
        ranked.item_id,
        ranked.score,
        ranked.policy,
        ranked.generator,
        ranked.reason,
        {% if has_transformer %}
        coalesce(transformed.because_item_id, reasons.because_item_id) as because_item_id,
        {% else %}
        reasons.because_item_id,
        {% endif %}
        ranked.propensity
    from {{ ref('live_lists') }} as ranked
    left join {{ ref('explanations') }} as reasons
        on ranked.user_id = reasons.user_id
            and ranked.item_id = reasons.item_id
    {% if has_transformer %}
    left join {{ ref('transformer_candidates') }} as transformed
        on transformed.fold = 'live'
            and ranked.generator = transformed.generator
            and ranked.user_id = transformed.user_id
            and ranked.item_id = transformed.item_id
    {% endif %}
    {% if kindred.has_experiments() %}
    union all

    -- Who is held out gets the list for everyone: nothing in it is made from anything personal.
    select
        held_out.user_id,
        fallback.rank,
        fallback.item_id,
        fallback.score,
        'holdout' as policy,
        fallback.generator,
        fallback.reason,
        cast(null as varchar) as because_item_id,
        cast(1 as double) as propensity
    from (
        select user_id
        from {{ ref('assignments') }}
        where is_held_out
            and {{ kindred.lists_for_people() }}
        group by user_id
    ) as held_out
    cross join {{ ref('fallback_recommendations') }} as fallback
    where fallback.segment = ''
    {% endif %}
),

final as (

    select
        *,
        '{{ invocation_id }}' as run_id,
        cast('{{ kindred.run_clock() }}' as timestamp) as generated_at,
        cast({{ dbt.dateadd('hour', kindred.setting('lists', 'expires_after_hours'),
                            "cast('" ~ kindred.run_clock() ~ "' as timestamp)") }} as timestamp) as expires_at
    from lists

)

select * from final
