{#- Fails for each signal whose classes leave a gap, overlap or are missing, and prints where: dbt shows no rows of a
    failed test. A value without a class would lose its signal without a word, one with two would count twice. -#}
{% test has_a_class_for_every_value(model, signals) %}
{% set found %}
with classes as (

    select
        signal,
        bin,
        from_value,
        to_value,
        row_number() over (partition by signal order by from_value nulls first, bin) as number,
        row_number() over (partition by signal order by from_value desc nulls last, bin desc) as number_from_the_last,
        lag(to_value) over (partition by signal order by from_value nulls first, bin) as ends_before
    from {{ model }}

),

problems as (

    select
        signal,
        case
            when number = 1 and from_value is not null
                then concat('no class has values below ', cast(from_value as varchar), ': leave from_value of the lowest class empty')
            when number > 1 and (from_value is null or ends_before is null or from_value < ends_before)
                then concat('class ', cast(bin as varchar), ' overlaps the one before: begin each where the one before ends')
            when number > 1 and from_value > ends_before
                then concat(
                    'no class has values from ', cast(ends_before as varchar), ' to below ', cast(from_value as varchar)
                )
            when to_value <= from_value
                then concat('class ', cast(bin as varchar), ' ends at ', cast(to_value as varchar), ', where it hasn''t begun')
        end as problem
    from classes

    union all

    select
        signal,
        concat(
            'no class has values from ', cast(to_value as varchar), ' on: leave to_value of the highest class empty'
        ) as problem
    from classes
    where number_from_the_last = 1
        and to_value is not null

    union all

    select
        classes.signal,
        concat('bin ', cast(classes.bin as varchar), ' stands ', cast(count(*) as varchar), ' times') as problem
    from classes
    group by
        classes.signal,
        classes.bin
    having count(*) > 1
    {% for signal in signals %}
    union all

    select
        '{{ signal }}' as signal,
        'it has no class' as problem
    from (select count(*) as n from classes where signal = '{{ signal }}') as counted
    where n = 0
    {% endfor %}
)

select
    signal,
    problem
from problems
where problem is not null
{% endset %}
{% if execute and flags.WHICH not in ['compile', 'generate', 'list', 'show'] %}
    {% for row in kindred.fetch_rows(found) %}
        {% do print("saas: signal '" ~ row.signal ~ "' of " ~ model.identifier ~ ": " ~ row.problem) %}
    {% endfor %}
{% endif %}
{{ found }}
{% endtest %}
