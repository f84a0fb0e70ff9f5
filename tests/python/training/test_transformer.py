"""The transformer: a world in which what comes next depends on the last two items, its training, and its tables.

In the planted world the items stand in a circle and each person walks it with steps of one length: who knows the last
item alone has one chance in N_STEPS.
"""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from kindred.generators import transformer_network
from kindred.generators.transformer import mean_ndcg, ranks_of, train
from kindred.generators.transformer_network import Sequences, describe_items

N_PEOPLE, N_ITEMS, N_SEEN = 300, 30, 12
STRIDES = (1, 7, 11, 13)


def walks(n_people=N_PEOPLE, n_seen=N_SEEN, seed=0):
    """(n_people, n_seen): the items of each person, newest first."""
    rng = np.random.default_rng(seed)
    strides = rng.choice(STRIDES, n_people)
    starts = rng.integers(0, N_ITEMS, n_people)
    return (starts[:, None] + strides[:, None] * np.arange(n_seen)[::-1]) % N_ITEMS


def to_sequences(items):
    n_people, n = items.shape
    return Sequences(items.ravel().astype(np.int32), np.tile(np.arange(n), n_people), np.arange(0, items.size + 1, n))


def bare(n_items):
    """Items of which nothing is known."""
    return describe_items(csr_matrix((n_items, 1), dtype=np.float32), None)


@pytest.fixture(scope="module")
def small_batches():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transformer_network, "ROWS", 8)
        yield


@pytest.fixture(scope="module")
def trained(small_batches):
    return train(to_sequences(walks()), bare(N_ITEMS), minutes=5, n_steps=150)


def test_train__learns_what_the_last_item_alone_does_not_say(trained):
    people = to_sequences(walks(200, seed=1))
    wanted = (people.items.reshape(200, -1)[:, 0] * 2 - people.items.reshape(200, -1)[:, 1]) % N_ITEMS
    vectors = trained.parameters["items"]
    at = np.arange(200)
    of_network = transformer_network.user_vectors(trained.parameters, vectors, people, at)
    ranks = ranks_of(vectors, of_network, people, at, wanted)
    print((ranks == 1).mean(), mean_ndcg(ranks))
    assert (ranks == 1).mean() > 0.9
