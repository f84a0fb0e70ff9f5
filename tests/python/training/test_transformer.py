"""The transformer: a world in which what comes next depends on the last two items, its parts, and its training.

In the planted world the items stand in a circle and each person walks it with steps of one length: who knows the last
item alone has one chance in the number of lengths.
"""

import sys

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from kindred.generators import transformer, transformer_network
from kindred.generators.transformer import fit_weights, ranks_of, require_jax, session_vectors, train
from kindred.generators.transformer_network import (
    WIDTH,
    Sequences,
    all_item_vectors,
    describe_items,
    encode,
    first_parameters,
    hold_out,
    item_vectors,
    loss,
    pack,
    prepare,
    user_vectors,
    windows,
)

N_PEOPLE, N_ITEMS, N_SEEN = 300, 30, 12
STRIDES = (1, 7, 11, 13)


def walks(n_people, seed):
    """(n_people, N_SEEN): the items of each person, newest first; and the item that comes next."""
    rng = np.random.default_rng(seed)
    strides, starts = rng.choice(STRIDES, n_people), rng.integers(0, N_ITEMS, n_people)
    items = (starts[:, None] + strides[:, None] * np.arange(N_SEEN)[::-1]) % N_ITEMS
    return to_sequences(items), (starts + strides * N_SEEN) % N_ITEMS


def to_sequences(items, steps=None):
    n_people, n = np.shape(items)
    steps = np.tile(np.arange(n), n_people) if steps is None else np.ravel(steps)
    return Sequences(np.ravel(items).astype(np.int32), steps, np.arange(0, n_people * n + 1, n))


def bare(n_items):
    """Items of which nothing is known."""
    return describe_items(csr_matrix((n_items, 1), dtype=np.float32), None)


@pytest.fixture(autouse=True, scope="module")
def small_batches():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transformer_network, "ROWS", 6)
        yield


@pytest.fixture(scope="module")
def trained():
    return train(walks(N_PEOPLE, seed=0)[0], bare(N_ITEMS), minutes=5, n_steps=120)


# The planted world ----------------------------------------------------------------------------------------------------


def test_train__learns_what_the_last_item_alone_does_not_say(trained):
    people, wanted = walks(200, seed=1)
    at, vectors = np.arange(200), trained.parameters["items"]
    ranks = ranks_of(vectors, user_vectors(trained.parameters, vectors, people, at), people, at, wanted)
    # Chance is a quarter, and the last item alone would do no better.
    assert (ranks == 1).mean() > 0.8
    assert trained.n_steps == 120 and trained.n_held_out == 30
    assert trained.recall > 0.9


def test_train__the_same_steps_give_the_same_vectors():
    """Whatever the number of threads that other models of the build leave to numpy."""
    world = walks(3_000, seed=0)[0], bare(N_ITEMS)
    one = train(*world, minutes=5, n_steps=4)
    with threadpool_limits(1, user_api="blas"):
        other = train(*world, minutes=5, n_steps=4)
    assert all(np.array_equal(one.parameters[name], other.parameters[name]) for name in one.parameters)
    assert np.array_equal(one.session_items, other.session_items)
    assert np.array_equal(one.session_weights, other.session_weights)
    more = train(*world, minutes=5, n_steps=5)
    assert not np.array_equal(one.parameters["items"], more.parameters["items"])


def test_train__begins_with_given_parameters(trained):
    start = {name: np.array(value) for name, value in trained.parameters.items()}
    warm = train(walks(N_PEOPLE, seed=0)[0], bare(N_ITEMS), minutes=5, n_steps=1, start=start)
    assert warm.recall >= trained.recall - 0.1


def test_train__minutes_become_steps_and_the_best_step_is_kept(monkeypatch):
    monkeypatch.setattr(transformer, "STEPS_PER_CHECK", (4, 4))
    world, said = (walks(N_PEOPLE, seed=0)[0], bare(N_ITEMS)), []
    assert train(*world, minutes=0, report=said.append).n_steps in (4, 8, 12)
    assert [text.split(",")[0] for text in said] == [
        "step 4 of 0 at most",
        "step 8 of 0 at most",
        "step 12 of 12 at most",
    ]
    # Scores that fall after the second check: three more without a gain end the training, and the second's are kept.
    scores = iter([0.1, 0.3, 0.2, 0.2, 0.2, 0.9])
    monkeypatch.setattr(transformer, "mean_ndcg", lambda ranks: next(scores))
    monkeypatch.setattr(transformer, "PATIENCE", 3)
    ended = train(*world, minutes=60)
    assert ended.n_steps == 8 and next(scores) == 0.9
    again = train(*world, minutes=60, n_steps=8)
    assert np.array_equal(again.parameters["items"], ended.parameters["items"])


# What it reads --------------------------------------------------------------------------------------------------------


def test_windows__each_item_is_a_target_once():
    rng = np.random.default_rng(0)
    for n in (0, 1, 2, 3, 50, 51, 52, 130, 500):
        cut = windows(np.arange(n), rng)
        assert all(2 <= len(window) <= transformer_network.LENGTH + 1 for window in cut)
        assert np.concatenate([[0], *(window[1:] for window in cut)]).tolist() == list(range(max(n, 1)))


def test_pack__rows_hold_whole_histories():
    histories = [np.arange(n) + 100 * n for n in (20, 30, 3, 51, 2, 40, 12, 30, 30, 30, 30)]
    inputs, targets, pieces, n_packed = pack(histories)
    assert n_packed == 10  # 19 + 29 + 2; 50; 1 + 39; 11 + 29; 29; 29, and the last is left
    for number, history in enumerate(histories[:n_packed], start=1):
        [row] = np.unique(np.nonzero(pieces == number)[0])
        assert inputs[row][pieces[row] == number].tolist() == history[:-1].tolist()
        assert targets[row][pieces[row] == number].tolist() == history[1:].tolist()


def test_shuffled__only_what_is_of_one_moment():
    sequences = to_sequences([[5, 4, 3, 2, 1]], [[0, 1, 1, 1, 2]])
    orders = {tuple(sequences.shuffled(0, np.random.default_rng(seed)).tolist()) for seed in range(50)}
    assert {(order[0], order[-1]) for order in orders} == {(1, 5)}
    assert len(orders) == 6


def test_newest__and_hold_out():
    items = np.array([[9, 8, 7], [6, 5, 4]] * 10)
    sequences = to_sequences(items)
    places, is_real = sequences.newest(np.array([1]), 5)
    assert places[0][is_real[0]].tolist() == [4, 5, 6] and is_real.tolist() == [[False, False, True, True, True]]
    kept, people, wanted = hold_out(sequences, 2_000, seed=0)
    assert len(people) == 2 and wanted.tolist() == items[people, 0].tolist()
    for person in range(20):
        own = kept.items[kept.starts[person] : kept.starts[person + 1]].tolist()
        assert own == items[person, int(person in people) :].tolist()


def test_prepare__says_how_likely_an_item_competes(monkeypatch):
    monkeypatch.setattr(transformer_network, "N_SAMPLED", 8)
    rng = np.random.default_rng(0)
    counts = rng.dirichlet(np.ones(40))
    competed, said = np.zeros(40), np.zeros(40)
    for _ in range(2_000):
        targets = rng.choice(40, (6, 50), p=counts).astype(np.int32)
        pieces = np.where(np.arange(50) < 3, 1, 0) * np.ones((6, 1), dtype=int)
        batch = prepare(targets, targets, pieces, bare(40), counts, rng)
        is_there = np.isfinite(batch["log_shares"])
        rows = batch["rows"][: len(is_there)][is_there]
        assert set(targets[pieces > 0]) <= set(rows)
        assert batch["rows"][batch["targets"][pieces > 0]].tolist() == targets[pieces > 0].tolist()
        competed[rows] += 1 / 2_000
        said[rows] = np.exp(batch["log_shares"][is_there])
    assert np.abs(competed - said).max() < 0.05


# The network ----------------------------------------------------------------------------------------------------------


def test_describe_items__the_heaviest_terms_and_embeddings_of_length_1():
    content = csr_matrix(np.array([[0.1, 0.9, 0.4], [0, 0, 0.5]], dtype=np.float32))
    items = describe_items(content, np.array([[3.0, 4.0], [0, 0]]), n=2)
    assert items.terms.tolist() == [[1, 2], [2, 0]]
    assert items.strengths.tolist() == pytest.approx(np.array([[0.9, 0.4], [0.5, 0]]))
    assert items.embeddings.tolist() == pytest.approx(np.array([[0.6, 0.8], [0, 0]]))
    parameters = first_parameters(items, 0)
    own, terms, projection = (parameters[name].astype(float) for name in ("items", "terms", "embedding"))
    expected = own + content.toarray() * [[0, 1, 1], [1, 1, 1]] @ terms + items.embeddings @ projection
    assert np.abs(all_item_vectors(parameters, items) - expected).max() < 1e-6


def random_row(pieces, seed=0):
    vectors = np.random.default_rng(seed).standard_normal((1, len(pieces), WIDTH)).astype(np.float32)
    return vectors, np.array([pieces])


def test_encode__sees_neither_the_future_nor_another_history():
    parameters = first_parameters(bare(3), 0)
    parameters["distances"] += np.random.default_rng(1).standard_normal(parameters["distances"].shape)
    vectors, pieces = random_row([1, 1, 1, 2, 2, 2, 2, 0])
    found = np.asarray(encode(parameters, vectors, pieces))
    changed = vectors.copy()
    changed[0, 2] += 1
    after = np.asarray(encode(parameters, changed, pieces))
    assert np.abs(after - found)[0].max(axis=1).round(5).astype(bool).tolist()[:7] == [False] * 2 + [True] + [False] * 4
    changed = vectors.copy()
    changed[0, 3] += 1
    after = np.asarray(encode(parameters, changed, pieces))
    assert np.abs(after - found)[0].max(axis=1).round(5).astype(bool).tolist()[:7] == [False] * 3 + [True] * 4
    # A history's place in its row is nothing to it: distances count.
    alone = np.asarray(encode(parameters, vectors[:, 3:7], np.ones((1, 4), int)))
    assert np.abs(alone[0] - found[0, 3:7]).max() < 1e-4


def test_loss__is_cross_entropy_over_all_items_where_all_compete():
    n = 20
    sequences = to_sequences(np.random.default_rng(0).permuted(np.tile(np.arange(n), (6, 1)), axis=1)[:, :9])
    items = bare(n)
    histories = [sequences.shuffled(person, np.random.default_rng(0)) for person in range(6)]
    inputs, targets, pieces, _ = pack(histories)
    batch = prepare(inputs, targets, pieces, items, np.full(n, 1 / n), np.random.default_rng(0))
    parameters = first_parameters(items, 0)
    parameters["items"] *= 20
    found = float(loss(parameters, parameters["items"][batch["rows"]], batch, None))
    vectors = np.asarray(item_vectors(parameters, parameters["items"], *vars_of(items)))
    logits = np.asarray(encode(parameters, vectors[inputs], pieces)).astype(float) @ vectors.T
    entropies = np.log(np.exp(logits).sum(axis=-1)) - np.take_along_axis(logits, targets[:, :, None], 2)[:, :, 0]
    assert found == pytest.approx(entropies[pieces > 0].mean(), rel=1e-4)
    # An item that competes with a probability of one half stands for two; a target stands for itself.
    batch["log_shares"] = np.full(len(batch["log_shares"]), np.log(0.5), dtype=np.float32)
    found = float(loss(parameters, parameters["items"][batch["rows"]], batch, None))
    of_target = np.exp(np.take_along_axis(logits, targets[:, :, None], 2)[:, :, 0])
    entropies = np.log(2 * np.exp(logits).sum(axis=-1) - of_target) - np.log(of_target)
    assert found == pytest.approx(entropies[pieces > 0].mean(), rel=1e-4)


def test_step__is_adams_and_moves_only_items_that_the_batch_has(monkeypatch):
    monkeypatch.setattr(transformer_network, "N_SAMPLED", 0)
    step = transformer_network.compiled_step()

    def batch_of(first, last):
        sequences = to_sequences(np.tile(np.arange(last, first - 1, -1), (300, 1)))
        return next(transformer_network.batches(sequences, bare(N_ITEMS), 0))

    before = first_parameters(bare(N_ITEMS), 0)
    state, _ = step(transformer_network.start_training(before), batch_of(0, 11), 1)
    after = {name: np.array(value) for name, value in state["parameters"].items()}
    moved = {name: np.abs(after[name] - before[name]) for name in after}
    assert np.flatnonzero(moved["items"].max(axis=1)).tolist() == list(range(12))
    # Adam's first step is the learning rate, here at the beginning of its rise, whatever the slope.
    rate = transformer_network.LEARNING_RATE / transformer_network.WARM_UP
    for values in (moved["items"][:12], moved["attended"], moved["narrow"], moved["last_norm"]):
        assert np.median(values) == pytest.approx(rate, rel=0.05)
    # Item 0, which fills up the rows of a batch, rests in a batch without it, whatever it did before.
    state, _ = step(state, batch_of(9, 20), 2)
    moved = np.abs(np.array(state["parameters"]["items"]) - after["items"])
    assert np.flatnonzero(moved.max(axis=1)).tolist() == list(range(9, 21))


def vars_of(items):
    return items.terms, items.strengths, items.embeddings


# The imitation --------------------------------------------------------------------------------------------------------


def test_fit_weights__finds_planted_ones():
    rng = np.random.default_rng(0)
    items = to_sequences(rng.permuted(np.tile(np.arange(60), (400, 1)), axis=1)[:, :25])
    vectors = rng.standard_normal((60, WIDTH)).astype(np.float32)
    planted = 0.7 ** np.arange(transformer.N_WEIGHTS)
    wanted = session_vectors(vectors, planted, items, np.arange(400))
    by_hand = sum(planted[place] * vectors[items.items[place]] for place in range(len(planted)))
    assert np.abs(wanted[0] - by_hand).max() < 1e-4
    assert np.abs(fit_weights(vectors, items, np.arange(400), wanted) - planted).max() < 0.02


def test_ranks_of__what_is_wanted_among_what_the_history_lacks():
    vectors = np.array([[5.0], [4], [3], [2], [3]])
    sequences = to_sequences([[0, 3], [1, 2]])
    ranks = ranks_of(vectors, np.array([[1.0], [-1]]), sequences, np.array([0, 1]), np.array([2, 0]))
    assert ranks.tolist() == [3, 3]  # behind 1 and beside 4, of equals the last; behind 3 and 4


def test_require_jax__says_what_to_install(monkeypatch):
    require_jax()
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ImportError, match=r"names transformer.*pip install 'kindred\[deep\]'"):
        require_jax()
