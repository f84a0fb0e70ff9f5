"""The ranker: learns from the fold `tuning` how to weigh what the generators propose.

There are three kinds. `fixed` is reciprocal rank fusion with the weights of the generators. `linear` is a sum of the
generators' standardised scores with learned weights (kindred.ranking.linear). `learned` is LambdaMART (C. Burges, "From
RankNet to LambdaRank to LambdaMART", 2010) by LightGBM, on the scores and ranks of the generators and the point-in-time
features. The one that is best on people that it didn't learn from serves; where neither of the learning ones is better
than the fixed blend by more than the error, or people or hits are too few, the fixed blend does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.matrices import are_in, read_pairs
from kindred.ranking.cross_scores import Scorers
from kindred.ranking.features import (
    RankerTables,
    generator_z,
    ranker_feature_names,
    ranker_features,
    read_candidates,
)
from kindred.ranking.linear import learn_weights
from kindred.warehouse import Relation, Session, read_folds, read_table, report_progress, write_table


@dataclass(frozen=True)
class Ranker:
    """What serves: its kind and the reason; the ndcg of each kind, empty where nothing could be learned.

    weights: {generator: weight} of the linear blend; model: LightGBM's text. Each is empty where another kind serves.
    """

    kind: str
    note: str
    ndcgs: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    model: str = ""


SCHEMA = pa.schema(
    [
        ("as_of", pa.timestamp("us")),
        ("run_id", pa.string()),
        ("kind", pa.string()),
        ("note", pa.string()),
        ("n_people", pa.int64()),
        ("n_rows", pa.int64()),
        ("ndcg_learned", pa.float64()),
        ("ndcg_linear", pa.float64()),
        ("ndcg_fixed", pa.float64()),
        ("weights", pa.string()),
        ("model", pa.string()),
    ]
)
MAX_PEOPLE = 20_000
MIN_PEOPLE = 50
MAX_TREES = 300
# Small trees of well-filled leaves: the scores of a fold are a little off those of the next, and what larger trees (31
# leaves of 50 rows) learn about them is lost there (DECISIONS.md).
PARAMETERS = {
    "objective": "lambdarank",
    "learning_rate": 0.05,
    "num_leaves": 8,
    "feature_fraction": 0.8,
    "metric": "ndcg",
    "ndcg_eval_at": [20],
    "deterministic": True,
    "force_row_wise": True,
    "seed": 0,
    "num_threads": 2,
    "verbosity": -1,
}


def ndcgs(
    people: np.ndarray, scores: np.ndarray, labels: np.ndarray, n_targets: dict[int, int], k: int = 20
) -> np.ndarray:
    """ndcg@k of each person, in the order of n_targets: {person: number of targets, found among the rows or not}.

    people, scores, labels: one per row.
    """
    order = np.lexsort((-scores, people))
    people, labels = people[order], labels[order]
    ranks = np.arange(len(people)) - np.searchsorted(people, people)
    gains = np.where(labels & (ranks < k), 1 / np.log2(ranks + 2), 0)
    ideals = np.cumsum(1 / np.log2(np.arange(k) + 2))
    names, places = np.unique(people, return_inverse=True)
    found = dict(zip(names.tolist(), np.bincount(places, gains), strict=True))
    return np.array([found.get(person, 0) / ideals[min(n, k) - 1] for person, n in n_targets.items()])


def train(
    features: np.ndarray,
    labels: np.ndarray,
    people: np.ndarray,
    names: list[str],
    n_trees: int,
    validation: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
) -> Any:
    """A LightGBM booster of n_trees; validation (features, labels, people) may end it early. Rows person by person."""
    import lightgbm

    parameters = PARAMETERS | {"min_data_in_leaf": min(1_000, max(20, len(labels) // 500))}

    def dataset(features: np.ndarray, labels: np.ndarray, people: np.ndarray, reference: Any = None) -> Any:
        sizes = np.unique(people, return_counts=True)[1]
        return lightgbm.Dataset(
            features, labels.astype(int), group=sizes, feature_name=names, reference=reference, params=parameters
        )

    training = dataset(features, labels, people)
    if validation is None:
        return lightgbm.train(parameters, training, n_trees)
    stop = lightgbm.early_stopping(30, verbose=False)
    return lightgbm.train(
        parameters, training, n_trees, valid_sets=[dataset(*validation, reference=training)], callbacks=[stop]
    )


def learn(
    features: np.ndarray,
    names: list[str],
    labels: np.ndarray,
    people: np.ndarray,
    votes: np.ndarray,
    z: np.ndarray,
    generators: list[str],
    n_targets: dict[int, int],
) -> Ranker:
    """The ranker of these rows.

    votes: what the fixed blend gives each row; z: the standardised scores of the generators, (n_rows, n_generators). A
    fifth of the people, chosen with a seed, is kept aside to choose between the kinds, a fifth of the others to choose
    the number of trees; the ranker that serves learns from everyone.
    """
    n_hits = len(np.unique(people[labels]))
    if n_hits < MIN_PEOPLE:
        return Ranker("fixed", f"{n_hits} people chose a candidate in fold tuning, {MIN_PEOPLE} are needed")
    everyone = np.array(sorted(n_targets))
    drawn = np.random.default_rng(0).permutation(everyone)
    held_out, others = np.split(drawn, [max(len(everyone) // 5, 10)])
    of_held_out = np.isin(people, held_out)
    targets_of_held_out = {person: n_targets[person] for person in held_out.tolist()}
    # People without a hit teach nothing about order.
    is_taught = np.isin(people, np.unique(people[labels]))
    of_stoppers = is_taught & np.isin(people, others[: len(others) // 5])
    rows = is_taught & ~of_held_out & ~of_stoppers
    if not of_stoppers.any() or not rows.any():
        return Ranker("fixed", "nobody who was kept aside chose a candidate in fold tuning")
    validation = (features[of_stoppers], labels[of_stoppers], people[of_stoppers])
    trial = train(features[rows], labels[rows], people[rows], names, MAX_TREES, validation)
    taught = is_taught & ~of_held_out
    scores = {
        "learned": trial.predict(features[of_held_out], num_iteration=trial.best_iteration),
        "linear": z[of_held_out] @ learn_weights(z[taught], labels[taught], people[taught]),
        "fixed": votes[of_held_out],
    }
    of_kinds = {
        kind: ndcgs(people[of_held_out], found, labels[of_held_out], targets_of_held_out)
        for kind, found in scores.items()
    }
    means = {kind: float(found.mean()) for kind, found in of_kinds.items()}
    best = "learned" if means["learned"] >= means["linear"] else "linear"
    gains = of_kinds[best] - of_kinds["fixed"]
    gain, error = gains.mean(), gains.std() / np.sqrt(len(held_out))
    # A gain within its error is chance, and the fixed blend has nothing that it could have learned wrong.
    kind = best if gain > error else "fixed"
    note = (
        f"ndcg@20 on {len(held_out)} people of fold tuning it did not learn from: learned {means['learned']:.4f}, "
        f"linear {means['linear']:.4f}, fixed {means['fixed']:.4f}, gain of {best} {gain:.4f} ± {error:.4f}"
    )
    if kind == "linear":
        weights = learn_weights(z[is_taught], labels[is_taught], people[is_taught])
        return Ranker(kind, note, means, dict(zip(generators, weights.tolist(), strict=True)))
    if kind == "learned":
        final = train(features[is_taught], labels[is_taught], people[is_taught], names, trial.best_iteration)
        return Ranker(kind, note, means, model=final.model_to_string())
    return Ranker(kind, note, means)


def rankers(
    session: Session,
    run_id: str,
    candidates: Relation,
    item_features: Relation,
    user_features: Relation,
    targets: Relation,
    generators: Relation,
    folds: Relation,
    scorers: Scorers,
) -> Any:
    """The row that this build adds to `rankers`; none without the fold `tuning`."""
    if "tuning" not in read_folds(folds):
        return write_table(session, SCHEMA, [])
    as_of = read_table(folds, ["as_of"], "fold = 'tuning'")["as_of"][0].as_py()
    tables = RankerTables(generators, item_features, user_features, "tuning")
    wanted = read_pairs(targets, tables.users, tables.items, "fold = 'tuning'")
    evaluated = np.flatnonzero(np.diff(wanted.indptr))
    evaluated = np.sort(np.random.default_rng(0).permutation(evaluated)[:MAX_PEOPLE])
    parts = []
    cross_scores = scorers.read(tables, "tuning")
    for block in tables.blocks():
        if np.any((evaluated >= block.start) & (evaluated < block.stop)):
            rows = read_candidates(candidates, tables, "tuning", block, evaluated)
            people, items, features, votes = ranker_features(tables, *rows, cross_scores)
            labels = are_in(wanted, people, items)
            # People who chose none of their candidates teach nothing about order, and their ndcg is 0 in any.
            is_kept = np.isin(people, people[labels])
            parts.append((people[is_kept], labels[is_kept], features[is_kept], votes[is_kept].sum(axis=1)))
    if parts:
        people, labels, features, votes = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        n_targets = dict(zip(evaluated.tolist(), np.diff(wanted.indptr)[evaluated].tolist(), strict=True))
        names, z = ranker_feature_names(tables), generator_z(tables, features)
        generator_names = tables.generators.to_pylist()
        ranker = learn(features, names, labels, people, votes, z, generator_names, n_targets)
        n_rows = len(labels)
    else:
        ranker, n_rows = Ranker("fixed", "fold tuning has no targets"), 0
    report_progress(f"rankers: {ranker.kind}; {ranker.note}")
    row = [as_of, run_id, ranker.kind, ranker.note, len(evaluated), n_rows]
    row += [ranker.ndcgs.get(kind) for kind in ("learned", "linear", "fixed")]
    row += [json.dumps(ranker.weights) if ranker.weights else "", ranker.model]
    return write_table(session, SCHEMA, [pa.record_batch([[value] for value in row], schema=SCHEMA)])
