{#- A select of one row per id of a relation with the columns id, field and value, whose value, a set, has a word
    that the vocabulary doesn't have for the field: `problem` says which. -#}
{% macro unknown_words(relation) -%}
    select
        asked.id,
        min(concat(
            '''', coalesce(asked.word, ''), ''' is no word of ', asked.field,
            ' in health_words: correct it, or add it there; words stand with | between them'
        )) as problem
    from ({{ kindred.set_words(relation, 'value', keep=['id', 'field']) }}) as asked
    left join {{ ref('health_words') }} as vocabulary
        on asked.field = vocabulary.field
            and asked.word = lower(vocabulary.word)
    where vocabulary.word is null
    group by asked.id
{%- endmacro %}
