-- one row per experiment with an arm that can't be used by itself: the first reason why
{{ config(enabled=kindred.has_experiments(), materialized='view') }}

with arms as (select * from {{ ref('typed_arms') }}),

experiments as (select * from {{ ref('typed_experiments') }} where n_rows_of_id = 1),

checked_arms as (

    select
        arms.*,
        experiments.kind,
        case
            when arms.arm is null then 'an arm has no name: fill in arm'
            when arms.n_rows_of_arm > 1
                then concat('arm ''', arms.arm, ''' stands more than once: give each arm a name of its own')
            when contains(arms.arm, '|')
                then concat(
                        'arm ''', arms.arm, ''' has a | in its name, which keys are put together with: leave it out'
                    )
            when arms.share is null
                then concat('share of arm ''', arms.arm, ''' is ''', coalesce(arms.share_text, ''), ''': write 0 to 1')
            when arms.share < 0 or arms.share > 1
                then concat(
                        'share of arm ''', arms.arm, ''' is outside 0 to 1: write a share of all units, 0.5 for half'
                    )
            when arms.is_control_text is not null
                then concat(
                        'is_control of arm ''', arms.arm, ''' is ''', arms.is_control_text, ''': write true or false'
                    )
            when arms.position_text is not null
                then concat('position of arm ''', arms.arm, ''' is ''', arms.position_text, ''': write 1, 2, ...')
            when experiments.kind in ('lists', 'interleaving') and arms.policy is null
                then concat('arm ''', arms.arm, ''' names no policy: fill in policy, main or one of the table policies')
            when experiments.kind in ('lists', 'interleaving') and not arms.is_known_policy
                then concat(
                        'arm ''',
                        arms.arm,
                        ''' names policy ''',
                        arms.policy,
                        ''', which the table policies lacks, or which has a problem there: correct it'
                    )
            when experiments.kind not in ('lists', 'interleaving') and arms.policy is not null
                then concat(
                        'arm ''',
                        arms.arm,
                        ''' names a policy, which lists and interleaving alone have: leave policy empty'
                    )
            when experiments.kind = 'choice' and arms.value is null
                then concat('arm ''', arms.arm, ''' has no value: write the id of its image or text')
            when experiments.kind = 'offer' and arms.value is null
                then concat('arm ''', arms.arm, ''' has no value: write the id of its offer')
            when experiments.kind = 'price' and not coalesce(arms.factor > 0 and arms.factor < 1e6, false)
                then concat(
                        'value of arm ''', arms.arm, ''' is ''', coalesce(arms.value, ''),
                        ''': write what the price is multiplied by, a number above 0, 1 for the price as it is'
                    )
            when coalesce(arms.min_price_text, arms.max_price_text) is not null
                or coalesce(arms.min_price, 0) < 0
                or coalesce(arms.max_price, 0) < 0
                then concat('min_price or max_price of arm ''', arms.arm, ''' is no price: write a number from 0')
            when arms.min_price > arms.max_price
                then concat('arm ''', arms.arm, ''' has a min_price above its max_price: exchange them')
            when arms.price_step_text is not null or not coalesce(arms.price_step > 0, true)
                then concat('price_step of arm ''', arms.arm, ''' is no step: write a number such as 0.05')
            when arms.activity not in ('cold', 'warm', 'hot')
                then concat(
                        'activity of arm ''', arms.arm, ''' is ''', arms.activity,
                        ''': write cold, warm, hot or nothing'
                    )
            when coalesce(arms.segment, arms.activity) is not null
                and (experiments.unit = 'item' or experiments.kind in ('interleaving', 'holdout'))
                then concat(
                        'arm ''', arms.arm, ''' is for some people alone, whom items, interleaving and holdouts ',
                        'can''t tell apart: leave segment and activity empty'
                    )
            when coalesce(arms.category, arms.brand) is not null
                and experiments.kind not in ('choice', 'offer', 'price')
                then concat(
                        'arm ''', arms.arm, ''' is for some items alone, which only choice, offer and price have: ',
                        'leave category and brand empty'
                    )
        end as problem
    from arms
    left join experiments
        on arms.experiment_id = experiments.experiment_id

),

final as (

    select
        experiment_id,
        problem
    from checked_arms
    where problem is not null
    qualify row_number() over (partition by experiment_id order by position, problem) = 1

)

select * from final
