"""One model of RecTools or LensKit, as their documentation shows it: events in, top lists out, one process.

Reads the Parquet of make_world.py with pandas, weighs each event by its type and age, fits the model and writes the top
items that a person hasn't touched.

Output: a Parquet file, one row per (user_id, rank): user_id, item_id, rank (1 is best), score.
Prints one JSON line: seconds per step, peak resident memory in MiB, rows written.

RecTools' models are implicit's: ALS and BM25 item kNN. LensKit has its own, in Rust: ALS, solved exactly, item kNN and
SLIM. Both recommend person by person for all but RecTools' ALS; LensKit in as many processes as its default says.
Needs `pip install -r benchmarks/requirements-peers.txt`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from script_options import Stopwatch, add_neighbor_options, model_options


def read_events(path: Path, event_weights: dict[str, float], half_life_days: float) -> pd.DataFrame:
    """Return one row per (user_id, item_id): weight, and datetime of the last event."""
    events = pd.read_parquet(path, columns=["user_id", "item_id", "event_type", "occurred_at"])
    as_of = events["occurred_at"].max().normalize() + pd.Timedelta(days=1)
    age_days = (as_of - events["occurred_at"]) / pd.Timedelta(days=1)
    events["weight"] = events["event_type"].map(event_weights) * 0.5 ** (age_days / half_life_days)
    return events.groupby(["user_id", "item_id"], as_index=False).agg(
        weight=("weight", "sum"), datetime=("occurred_at", "max")
    )


def by_rectools(model: str, events: pd.DataFrame, args: argparse.Namespace, lap) -> pd.DataFrame:
    from implicit.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import BM25Recommender
    from rectools.dataset import Dataset
    from rectools.models import ImplicitALSWrapperModel, ImplicitItemKNNWrapperModel

    events["weight"] = 1 + args.alpha * events["weight"] if model == "als" else 1.0
    dataset = Dataset.construct(events)
    lap("dataset")
    if model == "als":
        als = AlternatingLeastSquares(
            factors=args.factors,
            iterations=args.iterations,
            regularization=args.regularization,
            alpha=1.0,
            random_state=args.seed,
        )
        fitted = ImplicitALSWrapperModel(als)
    else:
        fitted = ImplicitItemKNNWrapperModel(BM25Recommender(K=args.n_neighbors + 1))
    fitted.fit(dataset)
    lap("fit")
    lists = fitted.recommend(
        users=events["user_id"].unique(), dataset=dataset, k=args.n_recommendations, filter_viewed=True
    )
    lap("recommend")
    return lists


def by_lenskit(model: str, events: pd.DataFrame, args: argparse.Namespace, lap) -> pd.DataFrame:
    import lenskit
    from lenskit.als import ImplicitMFScorer
    from lenskit.batch import recommend
    from lenskit.data import from_interactions_df
    from lenskit.knn import ItemKNNScorer, SLIMScorer
    from lenskit.pipeline import topn_pipeline

    scorers = {
        "als": lambda: ImplicitMFScorer(
            embedding_size=args.factors,
            epochs=args.iterations,
            regularization=args.regularization,
            weight=args.alpha,
            use_ratings=True,
            user_embeddings="prefer",
        ),
        "neighbors": lambda: ItemKNNScorer(max_nbrs=args.n_neighbors, save_nbrs=args.n_neighbors, feedback="implicit"),
        "slim": lambda: SLIMScorer(max_nbrs=args.n_neighbors, l1_reg=args.l1, l2_reg=args.l2),
    }
    columns = events[["user_id", "item_id", "weight"]].rename(columns={"weight": "rating"})
    dataset = from_interactions_df(columns)
    lap("dataset")
    pipeline = topn_pipeline(scorers[model](), n=args.n_recommendations)
    pipeline.train(dataset, lenskit.training.TrainingOptions(rng=args.seed))
    lap("fit")
    lists = recommend(pipeline, dataset.users.ids(), n=args.n_recommendations).to_df()
    lap("recommend")
    return lists


def main() -> None:
    parser = model_options("Fit one model of a library on a file of events and write top lists.")
    add_neighbor_options(parser)
    parser.add_argument("--library", choices=["rectools", "lenskit"], required=True)
    parser.add_argument("--model", choices=["als", "neighbors", "slim"], required=True)
    args = parser.parse_args()

    watch = Stopwatch()
    events = read_events(args.events, dict(args.event_weights), args.half_life_days)
    watch.lap("read")
    recommend = by_rectools if args.library == "rectools" else by_lenskit
    lists = recommend(args.model, events, args, watch.lap)
    lists["rank"] = lists["rank"].astype(np.int32)
    lists[["user_id", "item_id", "rank", "score"]].astype({"user_id": str, "item_id": str}).to_parquet(args.output)
    watch.lap("write")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": watch.report(), "peak_rss_mib": round(peak, 1), "rows_written": len(lists)}))


if __name__ == "__main__":
    main()
