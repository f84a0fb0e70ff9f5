-- one row per customer: what the bank knew when the build began, or at the moment that is replayed
-- What conditions ask for stands in attributes. Neither a version of later decides, nor a product that was given up.
-- The as-of date of kindred's folds is made of events, which kindred reads after its users.
-- depends_on: {{ ref('bank_problems') }}
{% set moment = "cast('" ~ (var('kindred__as_of', '') or kindred.run_clock()) ~ "' as timestamp)" %}
{% set products = ['salary_account', 'credit_card', 'mortgage'] %}
{% set facts = ['age', 'sex', 'income_band', 'risk_profile'] %}
{% set fields = {} %}
{% for fact in facts %}
{% do fields.update({fact: 'versions.' ~ fact}) %}
{% endfor %}
{#- What group_fairness compares: the conditions ask for ages. #}
{% do fields.update({'age_band': "case"
    ~ " when versions.age <= 27 then 'up to 27' when versions.age <= 59 then '28 to 59'"
    ~ " when versions.age <= 72 then '60 to 72' when versions.age > 72 then 'from 73' end"}) %}
{% for product in products %}
{% do fields.update({product: "case when held.has_" ~ product ~ " then 'yes' else 'no' end"}) %}
{% endfor %}

-- Versions with one valid_from stop the build; where tests are left out they have an order all the same.
with versions as (

    select
        *,
        row_number() over (
            partition by customer_id
            order by valid_from desc, country, {{ facts | join(', ') }}
        ) as number_from_the_last
    from {{ source('raw', 'customer_versions') }}
    where valid_from < {{ moment }}
    qualify number_from_the_last = 1

),

held as (

    select
        customer_id,
        max(case when product = 'salary_account' then 1 else 0 end) = 1 as has_salary_account,
        max(case when product = 'credit_card' then 1 else 0 end) = 1 as has_credit_card,
        max(case when product = 'mortgage' then 1 else 0 end) = 1 as has_mortgage
    from {{ source('raw', 'holdings') }}
    where opened_at < {{ moment }}
        and coalesce(closed_at >= {{ moment }}, true)
    group by customer_id

),

final as (

    select
        versions.customer_id as user_id,
        versions.joined_at as created_at,
        versions.country,
        {{ kindred.json_record(fields) }} as attributes
    from versions
    left join held
        on versions.customer_id = held.customer_id

)

select * from final
