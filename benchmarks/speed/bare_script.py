"""The script a good engineer would write without kindred: events in, top lists out, one process.

Reads the Parquet of make_world.py, weighs each event by its type and age, fits ALS by implicit and writes the top
items that a person has not bought yet.

Output: a Parquet file, one row per (user_id, rank): user_id, item_id, rank (1 is best), score (dot product, no unit).
Prints one JSON line: seconds per step, peak resident memory in MiB, counts.

It is meant as a fair rival, so what was measured to help is in: only four columns are read, and as dictionaries, so
that no string is ever a Python object; ids are mapped by the sorted dictionary; sums are made by the CSR conversion;
weights are 32-bit; BLAS has one thread, as implicit asks for, and OpenMP all cores; recommend() is called once for
everybody, as it cuts its own batches and a third of its time goes when it isn't called batch by batch.
"""

from __future__ import annotations

import json
import os
import resource

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import implicit.als
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy.sparse import csr_matrix
from script_options import Stopwatch, model_options
from threadpoolctl import threadpool_limits

EVENT_COLUMNS = ["user_id", "item_id", "event_type", "occurred_at"]
ID_COLUMNS = ["user_id", "item_id", "event_type"]
MICROSECONDS_PER_DAY = 86_400_000_000
UNAVAILABLE_SCORE = -1e30  # below it, implicit has run out of items


def encode(column: pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """Return (codes int32, names sorted) of a dictionary column; a code is the position in the sorted names."""
    whole = column.combine_chunks()
    order = pc.sort_indices(whole.dictionary)
    rank = np.empty(len(order), dtype=np.int32)
    rank[order.to_numpy()] = np.arange(len(order), dtype=np.int32)
    return rank[whole.indices.to_numpy()], whole.dictionary.take(order)


def weigh(types: np.ndarray, weight_of_type: np.ndarray, occurred_at: np.ndarray, half_life_days: float) -> np.ndarray:
    """Return weight x 0.5 ** (age_days / half_life_days), float32; age counts from the midnight after the newest."""
    microseconds = occurred_at.view(np.int64)
    as_of = (int(microseconds.max()) // MICROSECONDS_PER_DAY + 1) * MICROSECONDS_PER_DAY
    minus_half_lives = np.subtract(microseconds, as_of, dtype=np.int64).astype(np.float32)
    minus_half_lives *= np.float32(1.0 / (MICROSECONDS_PER_DAY * half_life_days))
    weights = np.exp2(minus_half_lives, out=minus_half_lives)
    weights *= weight_of_type[types]
    return weights


def main() -> None:
    args = model_options("Fit ALS on a file of events and write top lists.").parse_args()
    event_weights = dict(args.event_weights)

    watch = Stopwatch()
    # ParquetFile and not read_table: one dictionary per row group to merge instead of one per small batch.
    events = pq.ParquetFile(args.events, read_dictionary=ID_COLUMNS).read(EVENT_COLUMNS)
    watch.lap("read")

    users, user_names = encode(events["user_id"])
    items, item_names = encode(events["item_id"])
    types, type_names = encode(events["event_type"])
    weight_of_type = np.array([event_weights[name] for name in type_names.to_pylist()], dtype=np.float32)
    weights = weigh(types, weight_of_type, events["occurred_at"].to_numpy(), args.half_life_days)
    del events
    watch.lap("encode_and_weigh")

    shape = (len(user_names), len(item_names))
    interactions = csr_matrix((weights, (users, items)), shape=shape)
    bought = types == type_names.to_pylist().index("purchase")
    purchases = csr_matrix((np.ones(bought.sum(), dtype=np.float32), (users[bought], items[bought])), shape=shape)
    n_events = len(users)
    del users, items, types, weights, bought
    interactions.data *= np.float32(args.alpha)
    interactions.data += np.float32(1.0)
    watch.lap("build_matrix")

    with threadpool_limits(1, "blas"):
        model = implicit.als.AlternatingLeastSquares(
            factors=args.factors,
            iterations=args.iterations,
            regularization=args.regularization,
            alpha=1.0,
            random_state=args.seed,
        )
        model.fit(interactions, show_progress=False)
        n_interactions = interactions.nnz
        del interactions
        watch.lap("fit")
        everybody = np.arange(shape[0])
        top_items, top_scores = model.recommend(
            everybody, purchases, N=args.n_recommendations, filter_already_liked_items=True
        )
        watch.lap("recommend")

    person, position = np.nonzero(top_scores > UNAVAILABLE_SCORE)
    lists = pa.table(
        {
            "user_id": pa.DictionaryArray.from_arrays(person.astype(np.int32), user_names),
            "item_id": pa.DictionaryArray.from_arrays(top_items[person, position], item_names),
            "rank": (position + 1).astype(np.int32),
            "score": top_scores[person, position],
        }
    )
    pq.write_table(lists, args.output, store_schema=False)
    watch.lap("write")

    print(
        json.dumps(
            {
                "seconds": watch.report(),
                "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
                "events": n_events,
                "interactions": n_interactions,
                "people": shape[0],
                "items": shape[1],
                "rows_written": lists.num_rows,
            }
        )
    )


if __name__ == "__main__":
    main()
