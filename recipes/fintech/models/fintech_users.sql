-- one row per customer: what the bank knew at the as-of date, in a replay, and what it knows today otherwise
-- What conditions ask for stands in attributes. With versions a replay doesn't decide by what was learned later.
{% set as_of = var('kindred__as_of', '') %}

with versions as (

    select
        *,
        row_number() over (partition by customer_id order by valid_from desc) as number_from_the_last
    from {{ source('raw', 'customer_versions') }}
    {% if as_of -%}
    where valid_from < cast('{{ as_of }}' as timestamp)
    {%- endif %}
    qualify number_from_the_last = 1

),

held as (

    select
        customer_id,
        max(case when product = 'salary_account' then 1 else 0 end) = 1 as has_salary_account,
        max(case when product = 'credit_card' then 1 else 0 end) = 1 as has_credit_card,
        max(case when product = 'mortgage' then 1 else 0 end) = 1 as has_mortgage
    from {{ source('raw', 'holdings') }}
    {% if as_of -%}
    where opened_at < cast('{{ as_of }}' as timestamp)
    {%- endif %}
    group by customer_id

),

final as (

    select
        versions.customer_id as user_id,
        versions.joined_at as created_at,
        versions.country,
        concat(
            '{"age": ', cast(versions.age as varchar),
            {% for field in ['sex', 'income_band', 'risk_profile'] -%}
            ', "{{ field }}": ',
            case when versions.{{ field }} is null then 'null' else concat('"', versions.{{ field }}, '"') end,
            {% endfor -%}
            {% for product in ['salary_account', 'credit_card', 'mortgage'] -%}
            ', "{{ product }}": "', case when coalesce(held.has_{{ product }}, false) then 'yes' else 'no' end, '"',
            {% endfor -%}
            '}'
        ) as attributes
    from versions
    left join held
        on versions.customer_id = held.customer_id

)

select * from final
