-- one row per (experiment_id, check_name): whether an experiment can be read
{{ config(enabled=kindred.has_experiments()) }}

{% set alpha = kindred.setting('experiments', 'alpha') | float %}
{#- (name, value, bound, whether it fails, whether a failure takes all verdicts, what a failure means) -#}
{% set checks = [
    ('srm', 'ratio_p', '0.001e0', 'ratio_p < 0.001e0', 'true',
     "the arms have other numbers of units than their shares say: exposures of an arm get lost, or the app assigns"
     ~ " in another way"),
    ('srm_segment', 'segment_p', '0.001e0', 'segment_p < 0.001e0', 'true',
     "in a segment the arms have other numbers of units than their shares say: exposures of an arm get lost there"),
    ('crossed', 'crossed_share', '0.01e0',
     "crossed_share > 0.01e0 and allocation = 'fixed'", 'true',
     "units were shown more than one arm: one person under two ids, or an app that assigns again"),
    ('wrong_arm', 'wrong_share', '0.01e0', 'wrong_share > 0.01e0', 'true',
     "units were shown another arm than theirs: the app reads an old release, or hashes other ids or a salt"),
    ('pre_period', 'before_p', '0.001e0', 'before_p < 0.001e0', 'true',
     "the arms differed before anybody was exposed: the assignment is not random, or an earlier test goes on"),
    ('lost_exposures', 'lost_share', '0.01e0', 'lost_share > 0.01e0', 'false',
     "exposures count for nothing: exposure_problems says why and how to correct them"),
    ('changed_design', 'case when changed_at is null then 0.0e0 else 1.0e0 end', '0.0e0',
     'changed_at is not null', 'false',
     "shares or salt changed while it ran: a new period began then, and people who moved are left out"),
    ('too_few', 'cast(least_n as double)', '100.0e0', 'coalesce(least_n, 0) < 100', 'false',
     "an arm has fewer than 100 people: no result yet"),
    ('peeking', 'look_p', kindred.number_literal(alpha), 'look_p < ' ~ kindred.number_literal(alpha), 'false',
     "it looks decided before its planned end, which a test with fixed stopping does by chance: wait, or plan it"
     ~ " as sequential"),
] %}

with measured as (select * from {{ ref('check_values') }}),

checks as (

    {% for name, value, bound, fails, takes, explanation in checks %}
    select
        experiment_id,
        '{{ name }}' as check_name,
        {{ value }} as value,
        {{ bound }} as bound,
        not coalesce({{ fails }}, false) as is_passed,
        {{ takes }} as is_decisive,
        '{{ explanation }}' as failure
    from measured
    {{ "union all" if not loop.last }}
    {% endfor %}

),

final as (

    select
        experiment_id,
        check_name,
        value,
        bound,
        is_passed,
        is_decisive,
        case
            when value is null then 'not judged: there is nothing to judge it by'
            when is_passed then 'as it should be'
            else failure
        end as explanation
    from checks

)

select * from final
