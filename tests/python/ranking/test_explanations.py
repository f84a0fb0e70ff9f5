"""Which item of a history led to a recommendation: against sums written out in 64 bits, and on the sample shop."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from conftest import FakeDbt
from scipy.sparse import csr_matrix

from kindred.generators import registry
from kindred.generators.als import (
    fill_als_settings,
    like_shares,
    solve_user_factors,
    strongest_likes,
    take_rows,
    whiten,
)
from kindred.generators.base import read_neighbors, strongest_sources
from kindred.histories import read_history
from kindred.matrices import read_factors, read_weights, to_confidences

ALS = {"factors": 3, "iterations": 5, "regularization": 0.1, "alpha": 10.0}


def signed_confidences(n_users, n_items, share, strength=10, seed=0):
    """Signed confidences of which a quarter speak against the item."""
    random = np.random.default_rng(seed)
    weights = random.uniform(0.2, 6, size=(n_users, n_items)) * (random.random((n_users, n_items)) < share)
    signs = np.where(random.random((n_users, n_items)) < 0.25, -1, 1)
    return csr_matrix((np.where(weights > 0, 1 + strength * weights, 0) * signs).astype(np.float32))


def shares_exactly(signed, item_factors, regularization, n_learned=None):
    """What each item (column) adds to each item's score (row) for one person, in 64 bits, as the paper has it.

    Items from n_learned on have vectors, and no part in those of people.
    """
    wanted, item_factors = item_factors.astype(np.float64), item_factors[:n_learned]
    signed = signed[:n_learned]
    y, signed = item_factors.astype(np.float64), signed.astype(np.float64)
    confidence = np.where(signed == 0, 1, np.abs(signed))
    inverse = np.linalg.inv(y.T @ (confidence[:, None] * y) + regularization * np.eye(y.shape[1]))
    return wanted @ inverse @ y.T * np.maximum(signed, 0)


def assert_strongest(chosen, values, item):
    """`chosen` is the place of the largest of `values` but for the item's own, -1 where none is above 0."""
    values = np.where(np.arange(len(values)) == item, 0, values)
    if chosen < 0:
        assert values.max() < 1e-6
    else:
        assert chosen != item
        assert values[chosen] > 0
        assert values[chosen] >= values.max() * (1 - 1e-4)


# The algebra --------------------------------------------------------------------------------------------------------


# With 20 factors everybody met fewer items than there are factors, with 3 most met more, with 6 it is mixed.
@pytest.mark.parametrize("factors", [3, 6, 20])
@pytest.mark.parametrize(("regularization", "strength"), [(0.1, 10), (30.0, 1000)])
def test_like_shares__add_up_to_the_score(factors, regularization, strength):
    confidences = signed_confidences(40, 15, 0.4, strength)
    items = np.random.default_rng(1).normal(0, 0.5, size=(15, factors)).astype(np.float32)
    whitened, _ = whiten(items, regularization)
    scores = solve_user_factors(confidences, items, regularization) @ items.T
    for user in np.flatnonzero(np.diff(confidences.indptr)):
        met, of_met = take_rows(confidences, np.array([user]))
        shares = like_shares(whitened[met], of_met, whitened[None])[0]
        exact = shares_exactly(confidences[[user]].toarray()[0], items, regularization)
        assert np.abs(shares.T - exact[:, met[0]]).max() < 1e-4
        assert np.abs(shares.sum(axis=0) - scores[user]).max() < 1e-4
        assert np.abs(exact.sum(axis=1) - scores[user]).max() < 1e-4


@pytest.mark.parametrize("factors", [3, 6, 20])
def test_strongest_likes__agree_with_the_sums_of_the_paper(factors):
    confidences = signed_confidences(60, 15, 0.4)
    items = np.random.default_rng(1).normal(0, 0.5, size=(15, factors)).astype(np.float32)
    # Of different lengths, some empty, and with items that the person met.
    wanted = csr_matrix(np.random.default_rng(2).random((60, 15)) < np.linspace(0, 0.6, 60)[:, None]).astype(np.float32)
    found = strongest_likes(confidences, wanted, items, 0.1)
    assert len(found) == wanted.nnz
    users = np.repeat(np.arange(60), np.diff(wanted.indptr))
    for user, item, chosen in zip(users, wanted.indices, found, strict=True):
        assert_strongest(chosen, shares_exactly(confidences[[user]].toarray()[0], items, 0.1)[item], item)
        assert chosen < 0 or confidences[user, chosen] > 0
    assert (found < 0).any()
    assert (found >= 0).mean() > 0.5


@pytest.mark.parametrize("factors", [5, 60])
def test_strongest_likes__of_equals_the_first(factors):
    """Items 0 to 9 are the same thing; everybody likes three of them alike, and others."""
    random = np.random.default_rng(1)
    items = random.normal(size=(40, factors)).astype(np.float32)
    items[:10] = items[0]
    likes = np.where(random.random((300, 40)) < 0.5, 21.7, 0)
    likes[:, :10] = 0
    for row in likes:
        row[random.choice(np.arange(1, 10), 3, replace=False)] = 33.3
    wanted = csr_matrix(np.eye(1, 40, dtype=np.float32).repeat(300, axis=0))
    found = strongest_likes(csr_matrix(likes.astype(np.float32)), wanted, items, 0.5)
    is_twin = found < 10
    assert is_twin.mean() > 0.5
    assert found[is_twin].tolist() == (likes[is_twin, :10] > 0).argmax(axis=1).tolist()


def test_strongest_likes__what_speaks_against_or_is_the_item_itself_is_no_reason():
    items = np.ones((3, 1), dtype=np.float32)
    met = csr_matrix([[9, -99, 0], [9, 2, 0], [-9, -9, 0]], dtype=np.float32)
    wanted = csr_matrix([[1, 1, 0], [1, 0, 1], [0, 0, 1]], dtype=np.float32)
    assert strongest_likes(met, wanted, items, 0.5).tolist() == [-1, 0, 1, 0, -1]


@pytest.mark.parametrize("entries_per_block", [1, 7, 100, 1_000_000])
def test_strongest_sources__agree_with_dense_products(entries_per_block):
    random = np.random.default_rng(4)
    # Whole numbers, so that many products are equal.
    profile, neighbors = (
        csr_matrix((random.integers(1, 4, size=shape) * (random.random(shape) < 0.3)).astype(np.float32))
        for shape in ((30, 20), (20, 20))
    )
    users, items = random.integers(0, 30, size=200), random.integers(0, 20, size=200)
    found = strongest_sources(profile, neighbors, users, items, entries_per_block)
    products = profile.toarray()[users] * neighbors.toarray().T[items]
    assert found.tolist() == np.where(products.max(axis=1) > 0, products.argmax(axis=1), -1).tolist()
    assert (found < 0).any()
    # The order in which a history stands, that of time, is of no account.
    turned = csr_matrix(profile.shape, dtype=np.float32)
    rows = [slice(start, end) for start, end in zip(profile.indptr, profile.indptr[1:], strict=False)]
    turned.indptr = profile.indptr
    turned.indices = np.concatenate([profile.indices[row][::-1] for row in rows])
    turned.data = np.concatenate([profile.data[row][::-1] for row in rows])
    assert strongest_sources(turned, neighbors, users, items, entries_per_block).tolist() == found.tolist()


# A small shop -------------------------------------------------------------------------------------------------------

# ann liked pot (newest) and book, returned mug; bob liked pot alone; cy liked nothing.
TABLES = {
    "interactions": """
        select 'live' as fold, * from (values
            ('ann', 'book', 4.0::double, timestamp '2026-01-01'), ('ann', 'pot', 1.0, timestamp '2026-01-02'),
            ('ann', 'mug', -3.0, timestamp '2026-01-03'), ('bob', 'pot', 1.0, timestamp '2026-01-01'),
            ('cy', 'mug', -1.0, timestamp '2026-01-01')
        ) as interactions(user_id, item_id, weight, last_at)
        union all
        select 'backtest', 'cy', 'book', 9.0, timestamp '2025-12-01'
    """,
    "item_features": """
        select 'live' as fold, * from (values
            ('vase'), ('rug'), ('pot'), ('mug'), ('lone'), ('lid'), ('jar'), ('fig'), ('cup'), ('book')
        ) as items(item_id)
    """,
    "als_item_factors": f"""
        select
            'live' as fold, {ALS["alpha"]}::double as alpha, {ALS["regularization"]}::double as regularization,
            0.1::double as content_share, *
        from (values
            ('book', [1.0::float, 0.0, 0.0]), ('mug', [0.0, 0.0, 1.0]), ('pot', [0.0, 1.0, 0.0])
        ) as factors(item_id, factors)
    """,
    "item_neighbors": """
        select * from (values
            ('live', 'neighbors', 'book', 'vase', 0.5::double), ('live', 'neighbors', 'pot', 'vase', 0.8),
            ('live', 'neighbors', 'mug', 'vase', 99.0), ('live', 'neighbors', 'pot', 'jar', 0.1),
            ('live', 'neighbors', 'pot', 'mug', 0.1), ('live', 'neighbors', 'pot', 'rug', 0.9),
            ('live', 'neighbors', 'pot', 'fig', 0.9), ('backtest', 'neighbors', 'pot', 'cup', 0.9),
            ('live', 'slim', 'book', 'vase', 0.2), ('live', 'slim', 'pot', 'vase', 0.4),
            ('live', 'sequence', 'book', 'vase', 0.5), ('live', 'sequence', 'pot', 'vase', 0.65)
        ) as neighbors(fold, generator, item_id, neighbor_id, score)
    """,
    "item_content_neighbors": """
        select 'live' as fold, 'content' as generator, 'book' as item_id, 'cup' as neighbor_id, 0.5::double as score
        union all
        select 'live', 'content', 'book', unnest(['jar', 'lid', 'rug']), 0.9
    """,
    "spectral_item_factors": """
        select 'live' as fold, *, 1.0::double as weight from (values
            ('book', [1.0::float, 0.2]), ('pot', [0.0, 1.0]), ('lid', [0.0, 9.0])
        ) as factors(item_id, factors)
    """,
    "folds": "select 'live' as fold, timestamp '2026-06-01' as as_of",
    "training_policy": "select true as is_due",
    "history_keys": "select unnest(['ann', 'bob', 'cy']) as user_id, 'key of ' || user_id as history_key",
    "tuning_trials": """
        select '' as generator, timestamp '2026-01-01' as as_of, 1 as trial, '{}' as settings, 0.5 as ndcg
        where false
    """,
}
RANKED = [
    # fold, user, item, generator, what is expected
    ("live", "ann", "vase", "neighbors", "book"),  # weight 4, a step back: sqrt(4) * .9 * .5 > 1 * .8
    ("live", "bob", "vase", "sequence", "pot"),
    ("live", "bob", "rug", "slim", "pot"),  # no weight: the neighbours
    ("live", "ann", "cup", "content", "book"),
    ("live", "ann", "rug", "content", "book"),  # content's own word before the neighbours'
    ("live", "ann", "lid", "neighbors", "book"),  # no neighbour: content
    ("live", "ann", "book", "als", "pot"),  # never itself; what neighbours say isn't asked first
    ("live", "ann", "jar", "sequence", "pot"),  # no transition: the neighbours before the content
    ("live", "bob", "mug", "als", "pot"),  # ALS's share is 0: the neighbours
    ("live", "ann", "pot", "spectral", "book"),  # never itself, be its own product the largest
    ("live", "bob", "cup", "neighbors", None),  # backtest's neighbours aren't asked, and content knows of book alone
    ("live", "ann", "lone", "neighbors", None),
    ("live", "ann", "mug", "popular", None),
    ("live", "bob", "jar", "history", None),
    ("live", "bob", "fig", "pinned", None),
    ("live", "ann", "fig", "exploration", None),
    ("live", "cy", "vase", "als", None),
    ("backtest", "ann", "vase", "neighbors", None),
]


def explain(python_model, tables, ranked, **settings):
    """{(user_id, item_id): because_item_id} and the rows in their order."""
    with duckdb.connect() as connection:
        for name, select in tables.items():
            connection.execute(f"create table {name} as {select}")
        names = ["fold", "user_id", "item_id", "generator"]
        columns = [pa.array(column, pa.string()) for column in zip(*ranked, strict=True)][:4]
        rows = pa.table(columns, names=names)  # noqa: F841, DuckDB finds it by its name
        connection.execute("create table live_lists as select * exclude (fold) from rows where fold = 'live'")
        written = (
            python_model("explanations")
            .model(FakeDbt(connection, {"generators": settings}), connection)
            .read_all()
            .to_pylist()
        )
    assert all(list(row) == ["user_id", "item_id", "generator", "because_item_id", "made_from"] for row in written)
    return {(row["user_id"], row["item_id"]): row["because_item_id"] for row in written}, written


def test_model__each_generator_and_what_is_asked_next(python_model):
    # mug beside pot in ALS's space, so that the item book has a reason in pot.
    factors = TABLES["als_item_factors"].replace("[1.0::float, 0.0, 0.0]", "[1.0::float, 0.3, 0.0]")
    found, rows = explain(python_model, TABLES | {"als_item_factors": factors}, RANKED)
    expected = {(user, item): because for fold, user, item, _, because in RANKED if because}
    assert found == expected
    assert rows == sorted(rows, key=lambda row: (row["user_id"], row["item_id"]))
    # The order of the rows is of no account.
    assert explain(python_model, TABLES | {"als_item_factors": factors}, RANKED[::-1])[1] == rows


def test_model__each_generator_has_its_own_settings(python_model):
    """Where the newest alone counts (one step), book's greater weight is out of sight."""
    row = [("live", "ann", "vase", "neighbors")]
    assert explain(python_model, TABLES, row)[0] == {("ann", "vase"): "book"}
    assert explain(python_model, TABLES, row, neighbors={"n_steps": 1})[0] == {("ann", "vase"): "pot"}
    assert explain(python_model, TABLES, row, sequence={"n_steps": 1})[0] == {("ann", "vase"): "book"}
    row = [("live", "ann", "vase", "sequence")]  # 2 * .7 * .5 > .65
    assert explain(python_model, TABLES, row)[0] == {("ann", "vase"): "book"}
    assert explain(python_model, TABLES, row, sequence={"decay": 0.5})[0] == {("ann", "vase"): "pot"}
    row = [("live", "ann", "vase", "slim")]  # 2 * .9 * .2 < .4, where neighbours say book
    assert explain(python_model, TABLES, row)[0] == {("ann", "vase"): "pot"}
    assert explain(python_model, TABLES, row, slim={"decay": 2})[0] == {("ann", "vase"): "book"}


def test_model__als_in_whatever_order_the_lists_come(python_model):
    """i12 is known by its content alone: it is explained, and explains nothing, also where people have met it."""
    confidences = signed_confidences(20, 13, 0.4, strength=ALS["alpha"])
    vectors = np.random.default_rng(1).normal(0, 0.5, size=(13, 4)).astype(np.float32)
    met = confidences.tocoo()
    weights = np.copysign((np.abs(met.data) - 1) / ALS["alpha"], met.data)
    liked = ", ".join(
        f"('live', 'u{user:02}', 'i{item:02}', {weight}::double, timestamp '2026-01-01')"
        for user, item, weight in zip(met.row, met.col, weights, strict=True)
    )
    factors = ", ".join(f"('live', 'i{item:02}', {vector.tolist()}::float[])" for item, vector in enumerate(vectors))
    tables = {
        "interactions": f"select * from (values {liked}) as rows(fold, user_id, item_id, weight, last_at)",
        "als_item_factors": f"""
            select
                *, {ALS["alpha"]}::double as alpha, {ALS["regularization"]}::double as regularization,
                if(item_id = 'i12', 1, 0.2)::double as content_share
            from (values {factors}) as rows(fold, item_id, factors)
        """,
        "item_features": "select 'live' as fold, 'i' || lpad(range::varchar, 2, '0') as item_id from range(13)",
    }
    pairs = np.random.default_rng(2).permutation(20 * 13)
    ranked = [("live", f"u{pair // 13:02}", f"i{pair % 13:02}", "als") for pair in pairs]
    found, _ = explain(python_model, TABLES | tables, ranked)
    assert len(found) > 120
    assert sum(item == "i12" for _, item in found) > 5
    assert any(confidences[user, 12] > 0 for user in range(20))
    for user in range(20):
        exact = shares_exactly(confidences[[user]].toarray()[0], vectors, ALS["regularization"], n_learned=12)
        for item in range(13):
            because = found.get((f"u{user:02}", f"i{item:02}"))
            assert because != "i12"
            assert_strongest(int(because[1:]) if because else -1, exact[item], item)


def test_model__without_a_live_fold_or_without_lists(python_model):
    assert explain(python_model, TABLES, [row for row in RANKED if row[0] == "backtest"])[1] == []
    nothing = {name: f"select * from ({select}) where false" for name, select in TABLES.items()}
    nothing["training_policy"] = TABLES["training_policy"]
    assert explain(python_model, nothing, [row for row in RANKED if row[3] == "pinned"])[1] == []


# The sample shop ----------------------------------------------------------------------------------------------------


def test_sample__every_reason_is_something_that_the_person_likes(sample_shop):
    wrong = """
        select recommendations.user_id, recommendations.item_id, recommendations.because_item_id
        from recommendations
        left join (
            select distinct fold_events.user_id, fold_events.item_id
            from fold_events
            inner join folds on fold_events.fold = folds.fold and fold_events.occurred_at < folds.as_of
            inner join interactions
                on fold_events.fold = interactions.fold
                    and fold_events.user_id = interactions.user_id
                    and fold_events.item_id = interactions.item_id
            where fold_events.fold = 'live' and interactions.weight > 0
        ) as liked
            on recommendations.user_id = liked.user_id and recommendations.because_item_id = liked.item_id
        where recommendations.because_item_id is not null
            and (liked.item_id is null or recommendations.because_item_id = recommendations.item_id)
    """
    assert sample_shop.query(wrong) == []
    shares = dict(
        sample_shop.query("select generator, avg((because_item_id is not null)::int) from recommendations group by all")
    )
    assert {name for name, share in shares.items() if share > 0} >= {"als", "neighbors"}
    for name, share in shares.items():
        # What similar people's sessions bring in is explained by neighbours, which don't know every pair.
        least = {"als": 0.99, "neighbors": 0.99, "slim": 0.99, "sequence": 0.99, "content": 0.99, "sessions": 0.95}
        least["spectral"] = 0.99
        assert share > least[name] if name in least else share == 0, name


def test_sample__als_and_neighbors_agree_with_sums_written_out(sample_shop):
    chosen = {name: registry()[name].defaults() for name in ("als", "neighbors")}
    with duckdb.connect(sample_shop.database, read_only=True) as connection:
        users, items, weights = read_weights(connection.table("interactions"), "live")
        factors = connection.table("als_item_factors")
        learned, vectors = read_factors(factors.filter("content_share < 1"), "item_id", "live")
        new, new_vectors = read_factors(factors.filter("content_share = 1"), "item_id", "live")
        assert learned.equals(items) and len(new) == 10
        vectors = np.concatenate([vectors, new_vectors])
        found = read_history(connection.table("interactions"), "live")
        people, liked, history, steps = found.users, found.items, found.matrix, found.steps
        neighbors = read_neighbors(connection.table("item_neighbors"), "live", "neighbors", liked)
        rows = connection.execute("""
            select recommendations.user_id, recommendations.generator, recommendations.item_id, because_item_id,
                als.score
            from recommendations
            left join als_candidates as als
                on als.fold = 'live'
                    and recommendations.user_id = als.user_id
                    and recommendations.item_id = als.item_id
            where recommendations.generator in ('als', 'neighbors')
            order by md5(concat(recommendations.user_id, recommendations.item_id))
            limit 400
        """).fetchall()
    settings = fill_als_settings(chosen["als"], weights)
    confidences = to_confidences(weights, settings["alpha"])
    ages = csr_matrix(
        (chosen["neighbors"]["decay"] ** steps.astype(float), history.indices, history.indptr), history.shape
    )
    scores = neighbors.toarray()
    places = {item: place for place, item in enumerate(items.to_pylist() + new.to_pylist())}
    liked_places = {item: place for place, item in enumerate(liked.to_pylist())}
    seen = set()
    for user, generator, item, because, score in rows:
        if generator == "als":
            at_user = users.index(user).as_py()
            confidence = confidences[[at_user]].toarray()[0]
            shares = shares_exactly(confidence, vectors, settings["regularization"], len(items))[places[item]]
            assert shares.sum() == pytest.approx(score, abs=1e-4)
            assert_strongest(places[because], shares, places[item])
        else:
            at_user, at_item = people.index(user).as_py(), liked_places[item]
            assert steps[history.indptr[at_user] : history.indptr[at_user + 1]].max() < chosen["neighbors"]["n_steps"]
            values = (history[[at_user]].toarray() * ages[[at_user]].toarray())[0] * scores[:, at_item]
            assert_strongest(liked_places[because], values, at_item)
        seen.add(generator)
    assert seen == {"als", "neighbors"}
