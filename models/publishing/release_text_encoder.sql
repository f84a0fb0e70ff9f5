-- one row where items have vectors of their texts, else none: what made them
{% if kindred.setting('generators', 'text_encoder') != '' and kindred.input_relation('items') is not none %}
select
    '{{ kindred.setting('generators', 'text_encoder') | replace("'", "''") }}' as text_encoder,
    encoder as weights
from {{ ref('item_text_vectors') }}
group by encoder
{% else %}
select
    cast(null as varchar) as text_encoder,
    cast(null as varchar) as weights
where false
{% endif %}
