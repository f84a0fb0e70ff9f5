"""The ranker: learns from the fold `tuning` how to weigh what the generators propose.

There are three kinds. `fixed` is reciprocal rank fusion with the weights of the generators. `linear` is a sum of the
generators' standardised scores with learned weights (kindred.ranking.linear). `learned` is LambdaMART (C. Burges, "From
RankNet to LambdaRank to LambdaMART", 2010) by LightGBM, on the scores and ranks of the generators and the point-in-time
features; of few people it is the mean of five boosters. The one that is best on people that it didn't learn from
serves; where neither of the learning ones is better than the fixed blend by more than the error, or people or hits are
too few, the fixed blend does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.matrices import are_in, read_pairs, run_on_all_cores
from kindred.ranking.boosters import Boosters
from kindred.ranking.cross_scores import Scorers
from kindred.ranking.features import generator_z, pair_up, ranker_feature_names, ranker_features
from kindred.ranking.linear import learn_weights
from kindred.ranking.tables import read_candidates, read_ranker_tables
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
N_PARTS = 5
# Fewer people than these have the mean of several boosters: learned from some 1,000, one moves by chance.
FEW_PEOPLE = 5_000
EVERYONE = slice(None)
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
    **given: Any,
) -> Any:
    """A LightGBM booster of n_trees; validation (features, labels, people) may end it early. Rows person by person.

    given: further parameters of LightGBM.
    """
    import lightgbm

    parameters = PARAMETERS | {"min_data_in_leaf": min(1_000, max(20, len(labels) // 500))} | given

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


@dataclass(frozen=True)
class Taught:
    """The rows of people who chose something, person by person, with what the rankers learn from and are compared by.

    votes: what the fixed blend gives each row; z: the standardised scores of the generators, (n_rows, n_generators).
    """

    features: np.ndarray
    names: list[str]
    labels: np.ndarray
    people: np.ndarray
    votes: np.ndarray
    z: np.ndarray

    def train(self, rows: np.ndarray | slice, n_trees: int, stoppers: np.ndarray | None = None, **given: Any) -> Any:
        """A booster of some rows; other rows, of other people, may end it early. given: parameters of LightGBM."""
        validation = None
        if stoppers is not None:
            validation = (self.features[stoppers], self.labels[stoppers], self.people[stoppers])
        return train(
            self.features[rows], self.labels[rows], self.people[rows], self.names, n_trees, validation, **given
        )

    def weights(self, rows: np.ndarray | slice) -> np.ndarray:
        return learn_weights(self.z[rows], self.labels[rows], self.people[rows])


def committee(rows: Taught, parts: list[np.ndarray], scores: dict[str, np.ndarray]) -> Boosters:
    """One booster for each part of the people: it learns from the others, and the part chooses its number of trees.

    Fills the scores of every part by what learned from the others. So that no part decides with a number of trees that
    it chose itself, its booster scores it with the mean number of the other boosters. Method: cross-validation
    committees (B. Parmanto, P. Munro, H. Doyle, NIPS 1995).
    """
    of_parts = [np.isin(rows.people, part) for part in parts]

    def teach(number: int) -> Any:
        # One thread each: several of one booster spin while they wait for one another, and other models need the cores.
        return rows.train(~of_parts[number], MAX_TREES, of_parts[number], seed=number, num_threads=1)

    boosters = run_on_all_cores(teach, range(len(parts)))
    for of_part in of_parts:
        scores["linear"][of_part] = rows.z[of_part] @ rows.weights(~of_part)
    n_trees = np.array([booster.best_iteration for booster in boosters])
    for booster, own, of_part in zip(boosters, n_trees, of_parts, strict=True):
        of_others = round((n_trees.sum() - own) / (len(parts) - 1))
        scores["learned"][of_part] = booster.predict(rows.features[of_part], num_iteration=of_others)
    return Boosters(boosters)


def single(rows: Taught, parts: list[np.ndarray], scores: dict[str, np.ndarray]) -> Boosters:
    """One booster that learns from everyone, with the number of trees that a fifth of the people chose.

    Fills the scores of the first part by what learned from the others.
    """
    of_first = np.isin(rows.people, parts[0])
    stoppers = np.isin(rows.people, parts[1])
    trial = rows.train(~of_first & ~stoppers, MAX_TREES, stoppers)
    scores["learned"][of_first] = trial.predict(rows.features[of_first], num_iteration=trial.best_iteration)
    scores["linear"][of_first] = rows.z[of_first] @ rows.weights(~of_first)
    return Boosters([rows.train(EVERYONE, trial.best_iteration)])


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

    votes: what the fixed blend gives each row; z: the standardised scores of the generators, (n_rows, n_generators).
    The people are drawn, with a seed, into five parts. Where they are few, each part evaluates what learned from the
    others, and the mean of five boosters serves; where they are many, one part evaluates and one booster serves.
    """
    choosers = np.unique(people[labels])
    n_hits = len(choosers)
    if n_hits < MIN_PEOPLE:
        return Ranker("fixed", f"{n_hits} people chose a candidate in fold tuning, {MIN_PEOPLE} are needed")
    # People without a hit teach nothing about order, and their ndcg is 0 in any.
    is_taught = np.isin(people, choosers)
    kept = EVERYONE if is_taught.all() else is_taught
    rows = Taught(features[kept], names, labels[kept], people[kept], votes[kept], z[kept])
    parts = np.array_split(np.random.default_rng(0).permutation(np.array(sorted(n_targets))), N_PARTS)
    if not all(np.isin(part, rows.people).any() for part in parts):
        return Ranker("fixed", "nobody who was kept aside chose a candidate in fold tuning")
    is_few = n_hits < FEW_PEOPLE
    evaluated = np.sort(np.concatenate(parts if is_few else parts[:1]))
    scores = {kind: np.zeros(len(rows.people)) for kind in ("learned", "linear")} | {"fixed": rows.votes}
    boosters = (committee if is_few else single)(rows, parts, scores)
    is_evaluated = np.isin(rows.people, evaluated)
    targets = {person: n_targets[person] for person in evaluated.tolist()}
    of_kinds = {
        kind: ndcgs(rows.people[is_evaluated], found[is_evaluated], rows.labels[is_evaluated], targets)
        for kind, found in scores.items()
    }
    means = {kind: float(found.mean()) for kind, found in of_kinds.items()}
    best = "learned" if means["learned"] >= means["linear"] else "linear"
    gains = of_kinds[best] - of_kinds["fixed"]
    gain, error = gains.mean(), gains.std() / np.sqrt(len(evaluated))
    # A gain within its error is chance, and the fixed blend has nothing that it could have learned wrong.
    kind = best if gain > error else "fixed"
    note = (
        f"ndcg@20 on {len(evaluated)} people of fold tuning it did not learn from: learned {means['learned']:.4f}, "
        f"linear {means['linear']:.4f}, fixed {means['fixed']:.4f}, gain of {best} {gain:.4f} ± {error:.4f}"
    )
    if kind == "linear":
        weights = rows.weights(EVERYONE)
        return Ranker(kind, note, means, dict(zip(generators, weights.tolist(), strict=True)))
    return Ranker(kind, note, means, model=boosters.text if kind == "learned" else "")


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
    tables = read_ranker_tables(generators, item_features, user_features, "tuning")
    wanted = read_pairs(targets, tables.users, tables.items, "fold = 'tuning'")
    evaluated = np.flatnonzero(np.diff(wanted.indptr))
    evaluated = np.sort(np.random.default_rng(0).permutation(evaluated)[:MAX_PEOPLE])
    parts = []
    cross_scores = scorers.read(tables, "tuning")
    for block in tables.blocks():
        if np.any((evaluated >= block.start) & (evaluated < block.stop)):
            rows = read_candidates(candidates, tables, "tuning", block, evaluated)
            pairs = pair_up(tables, *rows)
            features, people = ranker_features(tables, pairs, cross_scores), pairs.users
            labels = are_in(wanted, people, pairs.items)
            # People who chose none of their candidates teach nothing about order, and their ndcg is 0 in any.
            is_kept = np.isin(people, people[labels])
            parts.append((people[is_kept], labels[is_kept], features[is_kept], pairs.votes[is_kept].sum(axis=1)))
    if parts:
        people, labels, features, votes = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        n_targets = dict(zip(evaluated.tolist(), np.diff(wanted.indptr)[evaluated].tolist(), strict=True))
        names, z = ranker_feature_names(tables.generators), generator_z(tables, features)
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
