"""Several boosters as one ranker: the mean of their margins, one text, contributions that add up."""

import lightgbm
import numpy as np
import pytest

from kindred.ranking.boosters import Boosters

NAMES = ["als_score", "popular_score", "item_trend"]


@pytest.fixture(scope="module")
def features():
    return np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def boosters(features):
    """Three that differ: each learns from other rows."""
    wanted = features[:, 0] + features[:, 1] * features[:, 2]
    parameters = {"objective": "regression", "num_leaves": 4, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1}
    parts = np.array_split(np.arange(300), 3)
    return [
        lightgbm.train(parameters, lightgbm.Dataset(features[part], wanted[part], feature_name=NAMES), 10)
        for part in parts
    ]


def test_margins__are_the_mean_and_the_text_keeps_them(boosters, features):
    of_each = [booster.predict(features) for booster in boosters]
    assert np.abs(of_each[0] - of_each[1]).max() > 0.1
    read = Boosters.from_text(Boosters(boosters).text)
    assert read.feature_names == NAMES
    assert len(read.boosters) == 3
    np.testing.assert_allclose(read.margins(features), np.mean(of_each, axis=0), rtol=1e-12)


def test_text__of_one_booster_is_lightgbms_own(boosters, features):
    """As versions before wrote it: their rankers serve on, to the bit."""
    text = boosters[0].model_to_string()
    assert Boosters(boosters[:1]).text == text
    assert Boosters.from_text(text).margins(features).tolist() == boosters[0].predict(features).tolist()


def test_contributions__add_up_to_the_margins(boosters, features):
    several = Boosters(boosters)
    found = several.contributions(features)
    assert found.shape == (300, len(NAMES) + 1)
    np.testing.assert_allclose(found.sum(axis=1), several.margins(features), atol=1e-10)
    assert np.abs(found[:, :-1]).max(axis=0).min() > 0.1
