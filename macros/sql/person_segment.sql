{#- The segment of a person, in an aggregate over the person's rows of identities, named `people`. That of the id by
    which the person is known comes before those of the ids that were joined with it. -#}
{% macro person_segment(people) -%}
    coalesce(
        max(case when {{ people }}.identity_id = {{ people }}.user_id then {{ people }}.segment end),
        max({{ people }}.segment)
    )
{%- endmacro %}
