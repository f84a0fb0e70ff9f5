"""The whole path as a good engineer would write it with the field's libraries: events in, re-ranked top lists out.

Reads events in the order of time, as make_world.py writes them. Seven generators propose 50 items each to a person: ALS
and item kNN by implicit, SLIM by LensKit, singular vectors by scikit-learn; session neighbours (VS-KNN), transitions
and popularity, which these libraries don't have, are written with numpy and scipy. A first round learns from the events
before the last --label-days days and proposes items to the people of those days; what they touched then teaches
LightGBM's ranker. The second round learns from all events, and the ranker orders what it proposes to everybody. Items
that a person touched before are no candidates.

Output: a Parquet file, one row per (user_id, rank): user_id, item_id, rank (1 is best), score (of the ranker).
Prints one JSON line: seconds per part (both rounds added up), peak resident memory in MiB, counts.

It is meant as a fair rival, so what was measured to help is in: no string is ever a Python object, sparse products and
selections run in blocks on all cores, the first round proposes to the people who can teach alone, at most 20,000, and
the ranker needs no table that joins candidates: their pairs are sorted integers.

Method of the sessions: VS-KNN (M. Ludewig, D. Jannach, "Evaluation of session-based recommendation algorithms", UMUAI
2018), with a person's newest items as the session, as a product of sparse matrices. SLIM: X. Ning, G. Karypis,
ICDM 2011, with the regressors of an item selected beforehand (fsSLIM).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import implicit.als
import implicit.nearest_neighbours
import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from bare_script import EVENT_COLUMNS, ID_COLUMNS, MICROSECONDS_PER_DAY, encode, weigh
from lenskit.data import from_interactions_df
from lenskit.knn import SLIMScorer
from lenskit.training import TrainingOptions
from scipy.sparse import coo_matrix, csr_matrix, diags, vstack
from script_options import Stopwatch, add_neighbor_options, model_options
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

N_CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
VALUES_PER_BLOCK = 16_000_000  # scores of a block of people: 64 MB
N_POPULAR = 1_000  # the most popular items, of which each person gets the best untouched ones
REACH, TRANSITION_ITEMS, TRANSITION_DECAY = 5, 50, 0.95
SESSION_ITEMS, SESSIONS_PER_ITEM, N_SESSIONS, SESSION_DECAY, MEMORY_DECAY = 100, 300, 150, 0.95, 1.0
MAX_TAUGHT_PEOPLE = 20_000


@dataclass(frozen=True)
class Events:
    """Events in the order of time: users, items (int32), weights (float32)."""

    users: np.ndarray
    items: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Candidates:
    """What one generator proposes: items (n_people, n) of int32, -1 where it has no more, and their scores."""

    items: np.ndarray
    scores: np.ndarray


def best_of_blocks(
    n_people: int, width: int, score: Callable[[slice], np.ndarray], touched: csr_matrix, n: int
) -> Candidates:
    """Return the n items of highest score above 0 that a person hasn't touched; score gives a dense block of people."""
    items = np.full((n_people, n), -1, dtype=np.int32)
    scores = np.zeros((n_people, n), dtype=np.float32)
    step = max(1, VALUES_PER_BLOCK // width)

    def select(start: int) -> None:
        block = slice(start, min(start + step, n_people))
        values = score(block)
        barred = touched[block]
        values[np.repeat(np.arange(len(values)), np.diff(barred.indptr)), barred.indices] = 0
        n_found = min(n, width)
        best = np.argpartition(values, width - n_found, axis=1)[:, width - n_found :]
        found = np.take_along_axis(values, best, axis=1)
        order = np.argsort(-found, axis=1, kind="stable")
        found = np.take_along_axis(found, order, axis=1)
        best = np.take_along_axis(best, order, axis=1)
        items[block, :n_found] = np.where(found > 0, best, -1)
        scores[block, :n_found] = np.maximum(found, 0)

    with ThreadPoolExecutor(N_CORES) as pool:
        list(pool.map(select, range(0, n_people, step)))
    return Candidates(items, scores)


def best_of_product(profiles: csr_matrix, neighbors: csr_matrix, touched: csr_matrix, n: int) -> Candidates:
    """Return the n best items by profiles @ neighbors."""
    return best_of_blocks(
        profiles.shape[0], neighbors.shape[1], lambda block: (profiles[block] @ neighbors).toarray(), touched, n
    )


def largest_of_rows(matrix: csr_matrix, n: int) -> csr_matrix:
    """Return a CSR matrix with the n largest entries of each row alone."""
    row_at = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((-matrix.data, row_at))
    kept = order[np.arange(matrix.nnz) - matrix.indptr[row_at] < n]
    return csr_matrix((matrix.data[kept], (row_at[kept], matrix.indices[kept])), shape=matrix.shape)


def newest_items(events: Events, shape: tuple[int, int], n: int, decay: float) -> csr_matrix:
    """Return the newest n items of each person, which count decay ** (how many newer ones there are)."""
    order = np.lexsort((-np.arange(len(events.users)), events.users))
    users = events.users[order]
    place = np.arange(len(users)) - np.searchsorted(users, users)
    kept = place < n
    values = (decay ** place[kept]).astype(np.float32)
    return csr_matrix((values, (users[kept], events.items[order][kept])), shape=shape)


def propose_als(matrix: csr_matrix, people: np.ndarray, args: argparse.Namespace) -> Candidates:
    """ALS by implicit, with the confidences and parameters of bare_script.py."""
    confidences = matrix.copy()
    confidences.data = confidences.data * np.float32(args.alpha) + np.float32(1.0)
    model = implicit.als.AlternatingLeastSquares(
        factors=args.factors,
        iterations=args.iterations,
        regularization=args.regularization,
        alpha=1.0,
        random_state=args.seed,
    )
    model.fit(confidences, show_progress=False)
    items, scores = model.recommend(people, matrix[people], N=args.n_candidates, filter_already_liked_items=True)
    return Candidates(np.where(scores > -1e30, items, -1).astype(np.int32), scores)


def propose_neighbors(touched: csr_matrix, binary: csr_matrix, args: argparse.Namespace) -> Candidates:
    """Item kNN: implicit's BM25 similarities of who touched what."""
    model = implicit.nearest_neighbours.BM25Recommender(K=args.n_neighbors + 1, num_threads=N_CORES)
    model.fit(binary, show_progress=False)
    similarities = model.similarity.tocsr()
    similarities.setdiag(0)
    return best_of_product(touched, similarities.astype(np.float32), touched, args.n_candidates)


def propose_slim(touched: csr_matrix, binary: csr_matrix, args: argparse.Namespace) -> Candidates:
    """SLIM by LensKit, each item regressed on its nearest neighbours."""
    users, items = binary.nonzero()
    data = from_interactions_df(pd.DataFrame({"user_id": users, "item_id": items}))
    model = SLIMScorer(max_nbrs=args.n_neighbors, l1_reg=args.l1, l2_reg=args.l2)
    model.train(data, TrainingOptions())
    found = model.weights.tocoo()
    of_row = np.asarray(model.items.ids())
    places = (of_row[found.row], of_row[found.col])
    weights = csr_matrix((found.data.astype(np.float32), places), shape=(binary.shape[1],) * 2)
    return best_of_product(touched, weights, touched, args.n_candidates)


def propose_spectral(
    binary: csr_matrix, touched: csr_matrix, people: np.ndarray, args: argparse.Namespace
) -> Candidates:
    """Singular vectors of who touched what, rows and columns divided by the roots of their sums, by scikit-learn."""
    by_user = np.maximum(np.asarray(binary.sum(axis=1)).ravel(), 1e-9) ** -0.5
    by_item = np.maximum(np.asarray(binary.sum(axis=0)).ravel(), 1e-9) ** -0.5
    normalised = (diags(by_user) @ binary @ diags(by_item)).tocsr().astype(np.float32)
    _, _, vectors = randomized_svd(normalised, args.factors, n_iter=3, random_state=args.seed)
    into = normalised[people] @ vectors.T
    out_of = (vectors / by_item).astype(np.float32)
    return best_of_blocks(len(people), binary.shape[1], lambda block: into[block] @ out_of, touched, args.n_candidates)


def propose_sessions(
    events: Events, touched: csr_matrix, people: np.ndarray, shape: tuple[int, int], n: int
) -> Candidates:
    """VS-KNN: the items of the nearest sessions; a session is what a person had last, newer items count more."""
    sessions = newest_items(events, shape, SESSION_ITEMS, MEMORY_DECAY)
    last_event = np.zeros(shape[0], dtype=np.int64)
    last_event[events.users] = np.arange(len(events.users))
    # Of each item the newest sessions alone, as VS-KNN samples them.
    by_item = sessions.T.tocsr()
    item_at = np.repeat(np.arange(shape[1]), np.diff(by_item.indptr))
    order = np.lexsort((-last_event[by_item.indices], item_at))
    kept = order[np.arange(by_item.nnz) - by_item.indptr[item_at] < SESSIONS_PER_ITEM]
    index = csr_matrix((by_item.data[kept], (item_at[kept], by_item.indices[kept])), shape=by_item.shape)
    rarity = np.log(shape[0] / np.maximum(np.diff(by_item.indptr), 1)).astype(np.float32)
    lengths = np.maximum(np.sqrt(np.asarray(sessions.multiply(sessions).sum(axis=1)).ravel()), 1e-9)
    index = (diags(rarity) @ index @ diags(1 / lengths)).tocsr().astype(np.float32)
    recent = newest_items(events, shape, 20, SESSION_DECAY)
    step = 1_000

    def find_nearest(start: int) -> csr_matrix:
        own = people[start : start + step]
        near = (recent[own] @ index).tocsr()
        near.data[near.indices == np.repeat(own, np.diff(near.indptr))] = 0
        return largest_of_rows(near, N_SESSIONS)

    with ThreadPoolExecutor(N_CORES) as pool:
        nearest = vstack(list(pool.map(find_nearest, range(0, len(people), step)))).tocsr()
    proposals = (sessions @ diags(rarity)).tocsr().astype(np.float32)
    return best_of_product(nearest, proposals, touched, n)


def find_transitions(events: Events, n_items: int, n: int) -> csr_matrix:
    """Return the n items that most often came after an item, at most REACH places later: 1 / distance each."""
    order = np.argsort(events.users, kind="stable")
    users, items = events.users[order], events.items[order]
    total = csr_matrix((n_items, n_items), dtype=np.float32)
    for distance in range(1, REACH + 1):
        is_pair = users[:-distance] == users[distance:]
        pairs = (items[:-distance][is_pair], items[distance:][is_pair])
        total = total + coo_matrix((np.full(is_pair.sum(), 1 / distance, np.float32), pairs), total.shape).tocsr()
    arriving = np.maximum(np.asarray(total.sum(axis=0)).ravel(), 1)
    return largest_of_rows((total @ diags(arriving**-0.3)).tocsr().astype(np.float32), n)


def propose(
    events: Events, shape: tuple[int, int], people: np.ndarray, args: argparse.Namespace, watch: Stopwatch
) -> dict[str, Candidates]:
    """Fit every generator on events and return what it proposes to people (an array of rows)."""
    n = args.n_candidates
    matrix = csr_matrix((events.weights, (events.users, events.items)), shape=shape)
    binary = csr_matrix((np.ones_like(matrix.data), matrix.indices, matrix.indptr), shape=shape)
    touched = binary[people]
    watch.lap("matrix")
    found = {"als": propose_als(matrix, people, args)}
    watch.lap("als")
    found["neighbors"] = propose_neighbors(touched, binary, args)
    watch.lap("neighbors")
    found["slim"] = propose_slim(touched, binary, args)
    watch.lap("slim")
    found["spectral"] = propose_spectral(binary, touched, people, args)
    watch.lap("spectral")
    found["sessions"] = propose_sessions(events, touched, people, shape, n)
    watch.lap("sessions")
    recent = newest_items(events, shape, TRANSITION_ITEMS, TRANSITION_DECAY)[people]
    found["sequence"] = best_of_product(recent, find_transitions(events, shape[1], args.n_neighbors), touched, n)
    watch.lap("sequence")
    popularity = np.asarray(matrix.sum(axis=0), dtype=np.float32).ravel()
    head = np.argsort(-popularity, kind="stable")[:N_POPULAR]

    def score_head(block: slice) -> np.ndarray:
        return np.repeat(popularity[head][None, :], block.stop - block.start, axis=0)

    popular = best_of_blocks(len(people), len(head), score_head, touched[:, head].tocsr(), n)
    found["popular"] = Candidates(np.where(popular.items < 0, -1, head[popular.items]).astype(np.int32), popular.scores)
    watch.lap("popular")
    return found


def describe(
    found: dict[str, Candidates],
    block: slice,
    people: np.ndarray,
    events_of: tuple[np.ndarray, np.ndarray],
    n_items: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return (pairs, features) of a block of people: pairs are place x n_items + item, rising.

    Features: each generator's score and rank (missing where it didn't propose), how many generators proposed the item,
    its popularity and the length of the person's history. events_of: the number of events of each user and item.
    """
    keys = {}
    for name, candidates in found.items():
        items = candidates.items[block]
        place, column = np.nonzero(items >= 0)
        keys[name] = (place + block.start) * np.int64(n_items) + items[place, column], place, column
    pairs = np.unique(np.concatenate([key for key, _, _ in keys.values()]))
    features = np.full((len(pairs), 2 * len(found) + 3), np.nan, dtype=np.float32)
    features[:, -3] = 0
    for number, (name, (key, place, column)) in enumerate(keys.items()):
        rows = np.searchsorted(pairs, key)
        features[rows, 2 * number] = found[name].scores[block][place, column]
        features[rows, 2 * number + 1] = column + 1
        features[rows, -3] += 1
    features[:, -2] = events_of[1][pairs % n_items]
    features[:, -1] = events_of[0][people[pairs // n_items]]
    return pairs, features


def count_events(events: Events, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return np.bincount(events.users, minlength=shape[0]), np.bincount(events.items, minlength=shape[1])


def teach(
    found: dict[str, Candidates],
    people: np.ndarray,
    targets: np.ndarray,
    events_of: tuple[np.ndarray, np.ndarray],
    n_items: int,
    seed: int,
) -> lightgbm.LGBMRanker:
    """Return LightGBM's ranker; targets: user x n_items + item of what people touched afterwards."""
    pairs, features = describe(found, slice(0, len(people)), people, events_of, n_items)
    place = pairs // n_items
    labels = np.isin(people[place] * np.int64(n_items) + pairs % n_items, targets)
    # People without a hit teach nothing about order; a fifth of the others says when to stop.
    with_hit = np.unique(place[labels])
    held_out = np.random.default_rng(seed).permutation(with_hit)[: len(with_hit) // 5]
    of_held_out = np.isin(place, held_out)
    of_taught = np.isin(place, with_hit) & ~of_held_out

    def part(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return features[rows], labels[rows].astype(np.int32), np.unique(place[rows], return_counts=True)[1]

    ranker = lightgbm.LGBMRanker(
        n_estimators=300, learning_rate=0.05, num_leaves=15, min_child_samples=200, colsample_bytree=0.8,
        random_state=seed, n_jobs=N_CORES, verbosity=-1,
    )  # fmt: skip
    taught, stop = part(of_taught), part(of_held_out)
    ranker.fit(
        taught[0], taught[1], group=taught[2], eval_set=[stop[:2]], eval_group=[stop[2]], eval_at=[20],
        callbacks=[lightgbm.early_stopping(30, verbose=False)],
    )  # fmt: skip
    return ranker


def rank(
    ranker: lightgbm.LGBMRanker,
    found: dict[str, Candidates],
    people: np.ndarray,
    events_of: tuple[np.ndarray, np.ndarray],
    n_items: int,
    n: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return (users, items, ranks, scores) of the n best candidates of each person."""
    parts = []
    for start in range(0, len(people), 5_000):
        block = slice(start, min(start + 5_000, len(people)))
        pairs, features = describe(found, block, people, events_of, n_items)
        scores = ranker.predict(features)
        place, item = pairs // n_items, pairs % n_items
        order = np.lexsort((item, -scores, place))
        position = np.arange(len(order)) - np.searchsorted(place[order], place[order])
        order, position = order[position < n], position[position < n]
        parts.append((people[place[order]], item[order], position + 1, scores[order]))
    users, items, ranks, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    return users, items, ranks, values


def recall_of(found: dict[str, Candidates], people: np.ndarray, targets: np.ndarray, n_items: int, n: int) -> dict:
    """Return the share of targets that stand in the first n places of each generator."""
    users = people[:, None] * np.int64(n_items)
    n_targets = np.isin(targets // n_items, people).sum()
    return {
        name: round(float(np.isin((users + one.items[:, :n])[one.items[:, :n] >= 0], targets).sum() / n_targets), 4)
        for name, one in found.items()
    }


def main() -> None:
    parser = model_options("Fit seven generators and a ranker on events and write top lists.")
    add_neighbor_options(parser)
    parser.add_argument("--label-days", type=int, default=14, help="the last days, whose events teach the ranker")
    parser.add_argument("--n-candidates", type=int, default=50, help="of each generator")
    args = parser.parse_args()
    event_weights = dict(args.event_weights)

    watch = Stopwatch()
    table = pq.ParquetFile(args.events, read_dictionary=ID_COLUMNS).read(EVENT_COLUMNS)
    occurred_at = table["occurred_at"].to_numpy().view(np.int64)  # rising
    users, user_names = encode(table["user_id"])
    items, item_names = encode(table["item_id"])
    types, type_names = encode(table["event_type"])
    del table
    weight_of_type = np.array([event_weights[name] for name in type_names.to_pylist()], dtype=np.float32)
    shape = (len(user_names), len(item_names))

    def learn_from(n_events: int) -> Events:
        moments = occurred_at[:n_events].view("datetime64[us]")
        weights = weigh(types[:n_events], weight_of_type, moments, args.half_life_days)
        return Events(users[:n_events], items[:n_events], weights)

    end = (int(occurred_at[-1]) // MICROSECONDS_PER_DAY + 1) * MICROSECONDS_PER_DAY
    n_before = int(np.searchsorted(occurred_at, end - args.label_days * MICROSECONDS_PER_DAY))
    watch.lap("read")

    with threadpool_limits(1, "blas"):
        earlier = learn_from(n_before)
        targets = np.unique(users[n_before:] * np.int64(shape[1]) + items[n_before:])
        people = np.intersect1d(users[n_before:], earlier.users)
        people = np.sort(np.random.default_rng(args.seed).permutation(people)[:MAX_TAUGHT_PEOPLE])
        found = propose(earlier, shape, people, args, watch)
        recalls = recall_of(found, people, targets, shape[1], args.n_recommendations)
        ranker = teach(found, people, targets, count_events(earlier, shape), shape[1], args.seed)
        del found, earlier
        watch.lap("ranker")

        everything = learn_from(len(users))
        everybody = np.unique(users).astype(np.int64)
        found = propose(everything, shape, everybody, args, watch)
        events_of = count_events(everything, shape)
        people, best, ranks, scores = rank(ranker, found, everybody, events_of, shape[1], args.n_recommendations)
        watch.lap("rank")

    lists = pa.table(
        {
            "user_id": pa.DictionaryArray.from_arrays(people.astype(np.int32), user_names),
            "item_id": pa.DictionaryArray.from_arrays(best.astype(np.int32), item_names),
            "rank": ranks.astype(np.int32),
            "score": scores.astype(np.float32),
        }
    )
    pq.write_table(lists, args.output, store_schema=False)
    watch.lap("write")

    print(
        json.dumps(
            {
                "seconds": watch.report(),
                "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
                "events": len(users),
                "people": len(everybody),
                "items": shape[1],
                "n_trees": ranker.best_iteration_,
                "recall_of_labels": recalls,
                "rows_written": lists.num_rows,
            }
        )
    )


if __name__ == "__main__":
    main()
