"""The sample shop with the generator transformer: it proposes, is judged, explains, and is replayed."""

import importlib.util
import json
import shutil

import numpy as np
import pytest
from conftest import NO_TESTS, REPOSITORY, Shop, run_dbt, to_variables

from kindred.generators.transformer import session_vectors
from kindred.generators.transformer_network import Sequences

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
    build(shop, "+builds", "+evaluation_metrics", "transformer_item_factors", generators={"transformer": {"steps": 4}})
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


def test_export__makes_lists_of_sessions_as_the_package_does(shop, tmp_path):
    settings = to_variables({"generators": {"transformer": {}}})
    arguments = ["run-operation", "export_for_devices", "--args", json.dumps({"folder": str(tmp_path)})]
    result = run_dbt(*arguments, target=shop.targets, database=shop.database, settings=settings)
    assert result.returncode == 0, result.output
    specification = importlib.util.spec_from_file_location("on_device", REPOSITORY / "examples/on_device/on_device.py")
    device = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(device)
    rows = "select {} from transformer_item_factors where fold = 'live' order by item_id"
    items, factors, session_factors = (
        shop.column(rows.format(column)) for column in ("item_id", "factors", "session_factors")
    )
    parameters = "select factors from transformer_parameters where fold = 'live' and key = 'session_weights'"
    [weights] = shop.column(parameters)
    shown = shop.column("select item_id from item_features where fold = 'live' and is_recommendable")
    for session in ([4], [1, 2, 3], list(range(40))):
        newest_first = np.array(session[::-1])
        sequences = Sequences(newest_first, np.arange(len(session)), np.array([0, len(session)]))
        vector = session_vectors(np.array(session_factors), np.array(weights), sequences, np.array([0]))[0]
        of_all = np.array(factors) @ vector
        allowed = [number for number in range(len(items)) if number not in session and items[number] in shown]
        expected = [items[number] for number in sorted(allowed, key=lambda number: -of_all[number])[:20]]
        found = device.transformer_list(device.Export(tmp_path), [items[number] for number in session])
        assert [item for item, _ in found] == expected
    assert device.transformer_list(device.Export(tmp_path), ["unknown"]) == []
