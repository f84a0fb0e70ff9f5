"""The gate `fairness`: lists that show a group less are held back, and the message names the group."""

import pytest
from conftest import run_dbt, to_variables
from released_shop import current, shop_copy

SETTINGS = {"protected_fields": ["sex"], "gates": {"fairness": 0.2}}


@pytest.fixture(scope="module")
def shop(sample_shop, tmp_path_factory):
    """The sample shop of which half of the people are women; who they are has nothing to do with what they like."""
    shop = shop_copy(sample_shop, tmp_path_factory.mktemp("fairness"))
    shop.run("""
        create or replace table users as
        select * replace (
            case when hash(user_id) % 2 = 0 then '{"sex": "female"}' else '{"sex": "male"}' end as attributes
        )
        from users
    """)
    return shop


def publish(shop, **settings):
    """(dbt's result, the row of the gate)"""
    select = ["--select", "group_fairness", "publish_gates", "releases", "--exclude-resource-type", "unit_test"]
    result = run_dbt("build", *select, target=shop.targets, database=shop.database, settings=to_variables(settings))
    row = shop.query("""
        select value, bound, is_passed, explanation
        from publish_gates
        where gate = 'fairness'
        order by evaluated_at desc
        limit 1
    """)[0]
    return result, row


def next_run(shop, name):
    """What a build an hour later would have made of the same events."""
    for table in ("recommendations", "release_lists"):
        shop.run(f"create or replace table {table} as from good_{table}")
    shop.run(f"update release_lists set list_id = '{name[:8]}' || substr(list_id, 9)")
    shop.run(f"update recommendations set run_id = '{name}', generated_at = generated_at + interval 1 hour")


@pytest.mark.slow
def test_fairness__an_unfair_shop_is_held_back(shop):
    served = current(shop)
    next_run(shop, "fairfair-0000")
    result, (value, bound, is_passed, explanation) = publish(shop, **SETTINGS)
    assert result.returncode == 0, result.output
    assert is_passed and bound == 0.2 and value < 0.2, explanation
    rows = shop.query("select group_value, n_people, ratio from group_fairness where category = '' order by 1")
    assert [row[0] for row in rows] == ["female", "male"] and min(row[1] for row in rows) > 100
    # Everybody has as many places: of all items together both are shown as much.
    assert [row[2] for row in rows] == pytest.approx([1, 1], abs=0.02)
    assert current(shop) != served

    # Two thirds of what women were shown of a category is something else now.
    served = current(shop)
    next_run(shop, "unfairun-0000")
    [(category,)] = shop.query("""
        select items.category
        from recommendations
        inner join items on recommendations.item_id = items.item_id
        group by items.category
        order by count(*) desc
        limit 1
    """)
    [other] = shop.column(f"select min(item_id) from items where category <> '{category}' and is_available")
    shop.run(f"""
        update recommendations
        set item_id = '{other}'
        where item_id in (select item_id from items where category = '{category}')
            and user_id in (select user_id from users where attributes like '%female%')
            and hash(user_id, item_id) % 3 > 0
    """)
    # That an item stands in a list twice is no matter here.
    result, (value, _, is_passed, explanation) = publish(shop, **SETTINGS)
    assert result.returncode != 0 and not is_passed and value > 0.2
    assert f"the exposure of sex 'female' to {category} is 0." in explanation
    assert "of that of 'male', at most 0." in explanation
    assert f"kindred: gate fairness stopped publication: {explanation}" in result.output
    assert current(shop) == served
    # Named, it lets the lists through once; without a bound it stops nothing.
    result, _ = publish(shop, **SETTINGS, override_gates=["fairness"])
    assert result.returncode == 0 and "(let through: fairness)" in result.output, result.output
    next_run(shop, "nofieldn-0000")
    result, row = publish(shop)
    assert result.returncode == 0 and row == (None, None, True, "off")
    assert shop.query("from group_fairness") == []
