{#- Whether a rule (a row of item_rules) is for a person (a row of user_features). A rule that names a policy counts in
    the lists of that policy alone: `policy` is whose list it is; not given = a list of no policy. -#}
{% macro rule_is_for(people, rules='item_rules', policy=none) -%}
    ({{ rules }}.segment is null or {{ rules }}.segment = {{ people }}.segment)
            and ({{ rules }}.activity is null or {{ rules }}.activity = {{ people }}.activity)
            and ({{ rules }}.policy is null{{ ' or ' ~ rules ~ '.policy = ' ~ policy if policy }})
{%- endmacro %}
