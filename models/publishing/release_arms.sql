-- one row per (experiment_id, arm, context) that may be assigned at request time
{% set none_given %}
    select
        {% for column in ['experiment_id', 'context', 'arm', 'kind', 'unit', 'from_key', 'to_key', 'layer', 'layer_from_key',
            'layer_to_key', 'salt', 'policy', 'value'] %}
        cast(null as varchar) as {{ column }},
        {% endfor %}
        cast(null as boolean) as is_control,
        cast(null as boolean) as is_by_item,
        cast(null as double) as share,
        cast(null as double) as min_price,
        cast(null as double) as max_price,
        cast(null as timestamp) as starts_at,
        cast(null as timestamp) as ends_at
    where false
{% endset %}
with arms as ({{ "select * from " ~ ref('current_arms') if kindred.has_experiments() else none_given }}),

-- A shadow has no key: nobody is assigned to it. It stays, as a context whose arms are all without a share is one all
-- the same: its people are in no arm. Times are text, which every store compares alike.
final as (

    select
        concat(experiment_id, '|', arm, '|', context) as arm_id,
        experiment_id,
        context,
        arm,
        kind,
        unit,
        is_by_item,
        is_control,
        share,
        from_key,
        to_key,
        layer,
        layer_from_key,
        layer_to_key,
        salt,
        policy,
        value,
        min_price,
        max_price,
        substr(cast(starts_at as varchar), 1, 19) as starts_at,
        substr(cast(ends_at as varchar), 1, 19) as ends_at
    from arms

)

select * from final
