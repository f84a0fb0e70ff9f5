-- one row per (item_id, other_item_id): two items that people buy together more often than by chance, item_id < other
with item_pair_counts as (select * from {{ ref('item_pair_counts') }}),

-- From the four cells of the table "has the one" by "has the other", each as counted and as chance would have it: the
-- log-likelihood ratio (Dunning, "Accurate Methods for the Statistics of Surprise and Coincidence", 1993): unlike lift
-- it doesn't put pairs of rare items on top, unlike support not the pairs of popular ones.
scored as (

    select
        item_id,
        other_item_id,
        cast(n_together as bigint) as n_together,
        cast(n_baskets as bigint) as n_baskets,
        cast(n_other_baskets as bigint) as n_other_baskets,
        n_together * n_all_baskets / (n_baskets * n_other_baskets) as lift,
        round(2 * (
            {{ kindred.surprise('n_together', 'n_baskets', 'n_other_baskets', 'n_all_baskets') }}
            + {{ kindred.surprise('n_baskets - n_together', 'n_baskets', 'n_all_baskets - n_other_baskets',
                                  'n_all_baskets') }}
            + {{ kindred.surprise('n_other_baskets - n_together', 'n_all_baskets - n_baskets', 'n_other_baskets',
                                  'n_all_baskets') }}
            + {{ kindred.surprise('n_all_baskets - n_baskets - n_other_baskets + n_together',
                                  'n_all_baskets - n_baskets', 'n_all_baskets - n_other_baskets', 'n_all_baskets') }}
        ), 6) as log_likelihood_ratio
    from item_pair_counts

),

-- 10.83 is the ratio that chance alone exceeds for one pair in a thousand (chi-squared, one degree of freedom).
final as (

    select *
    from scored
    where lift > 1
        and log_likelihood_ratio > 10.83

)

select * from final
