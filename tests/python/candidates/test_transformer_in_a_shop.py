"""The sample shop with the generator transformer: it proposes, is judged, explains, and is replayed."""

import json
import shutil

import pytest
from conftest import NO_TESTS, Shop, run_dbt, to_variables

pytestmark = pytest.mark.slow
VECTORS = "select fold, parameter, key, factors from transformer_parameters order by all"


def build(shop, *selected, **settings):
    inputs = {name: f"main.sample_{name}" for name in ("events", "items", "users", "consents")}
    result = run_dbt(
        *("build", *NO_TESTS, "--select", *selected),
        target=shop.targets,
        database=shop.database,
        settings=to_variables({"inputs": inputs} | settings),
    )
    assert result.returncode == 0, result.output


@pytest.fixture(scope="module")
def shop(sample_shop, tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("transformer"))
    shutil.copy(sample_shop.database, shop.database)
    build(shop, "+builds", "+evaluation_metrics", generators={"transformer": {"steps": 4}})
    return shop


def test_lists__are_led_and_explained_by_it(shop):
    rows = """
        select recommendations.reason, recommendations.because_item_id, interactions.item_id
        from recommendations
        left join interactions
            on fold = 'live' and weight > 0 and recommendations.user_id = interactions.user_id
                and because_item_id = interactions.item_id
        where generator = 'transformer'
    """
    found = shop.query(rows)
    assert len(found) > 100 and {reason for reason, _, _ in found} == {"recent_interest"}
    explained = [(because, own) for _, because, own in found if because]
    assert len(explained) > 0.9 * len(found) and all(because == own for because, own in explained)


def test_evaluation__judges_it_beside_the_others(shop):
    measured = "select count(*) from evaluation_metrics where generator = 'transformer' and metric = 'ndcg'"
    assert shop.value(measured) > 0
    assert shop.value("select count(*) from generators where generator = 'transformer'") == 1


def test_replay__makes_the_recorded_steps_again(shop):
    [recorded] = shop.column("select transformer_steps from builds where transformer_steps is not null")
    assert json.loads(recorded) == {"backtest": 4, "live": 4, "tuning": 4}
    before = shop.query(VECTORS)
    as_of = str(shop.value("select max(as_of) from folds"))
    build(shop, "+transformer_parameters", generators={"transformer": {}}, as_of=as_of)
    assert shop.query(VECTORS) == before
