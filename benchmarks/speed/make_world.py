"""Write a seeded world of shop events for the speed benchmark.

Grain: one row per (user, item) pair; `--interactions` of them, exactly.

Scale, anchored at MovieLens-20M (20,000,000 pairs of 138,000 people and 27,000 items):

* people grow in proportion to the pairs: 138,000 x N / 20M, so that a person keeps about 145 events at every size;
* items grow with the square root: 27,000 x sqrt(N / 20M), as a catalogue grows slower than its traffic.

| interactions | people  | items  |
|--------------|---------|--------|
| 1 M          | 6,900   | 6,037  |
| 2 M          | 13,800  | 8,538  |
| 4 M          | 27,600  | 12,075 |
| 8 M          | 55,200  | 17,076 |
| 20 M         | 138,000 | 27,000 |

Truths of the world:

* activity: 20 events and a log-normal rest, as in MovieLens-20M (least 20, median about 70, mean 145), at most 35 % of
  the catalogue for one person;
* popularity: Zipf-like over the items, weight 1 / (rank + 10);
* taste: people and items have a vector in 16 dimensions each; an item is chosen, without replacement, with a weight of
  popularity x exp(scale x people . items), drawn exactly by a race of exponentials (Efraimidis and Spirakis, 2006);
* visits: a person's events fall into visits of four on average; a visit starts anywhere between the person's first
  day and the end of the year, events within it are about a minute apart;
* types: view 70 %, add_to_cart 15 %, purchase 15 %, independent of taste.

Columns: event_id varchar, user_id varchar, session_id varchar (one visit), event_type varchar, item_id varchar,
occurred_at timestamp (microseconds stored, whole seconds used, UTC, within one year). Rows are in the order of time, as
a tracker lands them, in row groups of one million.

The same arguments and versions give the same rows. Memory: about 50 bytes per pair at the peak (1.0 GB at 20 M).
"""

from __future__ import annotations

import argparse
import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

BASE_INTERACTIONS, BASE_PEOPLE, BASE_ITEMS = 20_000_000, 138_000, 27_000
LEAST_EVENTS, MEDIAN_REST, MEAN_REST = 20, 48.0, 125.0  # per person; 20 + 125 = 145
LARGEST_SHARE = 0.35  # of the catalogue, for one person
TASTE_DIMENSIONS, TASTE_SCALE = 16, 1.2
EVENTS_PER_VISIT = 4.0
SECONDS_BETWEEN_EVENTS = 60.0
YEAR_SECONDS = 365 * 24 * 3600
YEAR_START = np.datetime64("2024-01-01T00:00:00", "s").astype(np.int64)
EVENT_TYPES = ("view", "add_to_cart", "purchase")
EVENT_TYPE_SHARES = (0.70, 0.15, 0.15)
ROW_GROUP_ROWS = 1_000_000
BLOCK_PEOPLE = 256


def scale_world(n_interactions: int) -> tuple[int, int]:
    """Return (people, items) for a number of pairs."""
    ratio = n_interactions / BASE_INTERACTIONS
    return max(1, round(BASE_PEOPLE * ratio)), max(1, round(BASE_ITEMS * math.sqrt(ratio)))


def draw_activity(rng: np.random.Generator, n_interactions: int, n_people: int, n_items: int) -> np.ndarray:
    """Return events per person, int64 (n_people,), which add up to n_interactions.

    Raises ValueError where so many distinct pairs don't fit.
    """
    most = max(LEAST_EVENTS, int(LARGEST_SHARE * n_items))
    if n_interactions > most * n_people or n_interactions < LEAST_EVENTS * n_people:
        raise ValueError(f"{n_interactions} pairs don't fit {n_people} people of {LEAST_EVENTS} to {most} events each")
    sigma = math.sqrt(2 * math.log(MEAN_REST / MEDIAN_REST))
    rest = np.exp(sigma * rng.standard_normal(n_people))
    room = float(most - LEAST_EVENTS)
    target = n_interactions - LEAST_EVENTS * n_people
    # The cap bites on a few people only; their surplus goes to the others by scaling up, a few times over.
    for _ in range(50):
        capped = np.minimum(rest, room)
        rest *= target / capped.sum()
    activity = np.floor(np.minimum(rest, room)).astype(np.int64) + LEAST_EVENTS
    missing = n_interactions - int(activity.sum())
    while missing:
        step = 1 if missing > 0 else -1
        movable = np.flatnonzero(activity < most) if step > 0 else np.flatnonzero(activity > LEAST_EVENTS)
        chosen = rng.choice(movable, size=min(abs(missing), len(movable)), replace=False)
        activity[chosen] += step
        missing -= step * len(chosen)
    return activity


def draw_items(seed: int, activity: np.ndarray, n_items: int) -> np.ndarray:
    """Return the items of every person one after another, int32 (sum of activity,), distinct within a person."""
    people_seed, items_seed, block_root = np.random.SeedSequence([seed, 1]).spawn(3)
    n_people = len(activity)
    taste = np.random.default_rng(people_seed).standard_normal((n_people, TASTE_DIMENSIONS), dtype=np.float32)
    items_rng = np.random.default_rng(items_seed)
    traits = items_rng.standard_normal((n_items, TASTE_DIMENSIONS), dtype=np.float32)
    traits *= -TASTE_SCALE / math.sqrt(TASTE_DIMENSIONS)  # minus: the race divides by the weight
    slowness = (items_rng.permutation(n_items) + 10).astype(np.float32)
    ends = np.cumsum(activity)
    starts = ends - activity
    items = np.empty(int(ends[-1]), dtype=np.int32)
    block_starts = range(0, n_people, BLOCK_PEOPLE)
    block_seeds = block_root.spawn(len(block_starts))

    def draw_block(block: int) -> None:
        first = block_starts[block]
        last = min(first + BLOCK_PEOPLE, n_people)
        rng = np.random.default_rng(block_seeds[block])
        arrival = taste[first:last] @ traits.T
        np.exp(arrival, out=arrival)
        arrival *= slowness
        arrival *= rng.standard_exponential(arrival.shape, dtype=np.float32)
        for row, person in enumerate(range(first, last)):
            count = activity[person]
            chosen = np.argpartition(arrival[row], count - 1)[:count] if count < n_items else np.arange(n_items)
            # argpartition leaves an order by arrival in part; the order of events must not tell popularity.
            items[starts[person] : ends[person]] = rng.permutation(chosen)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(draw_block, range(len(block_starts))):
            pass
    return items


def draw_times(rng: np.random.Generator, activity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (visit number, int32; seconds since the start of the year, int32) of every event, person by person."""
    n_events = int(activity.sum())
    is_new_visit = rng.random(n_events, dtype=np.float32) < 1.0 / EVENTS_PER_VISIT
    first_of_person = np.cumsum(activity) - activity
    is_new_visit[first_of_person] = True
    visit = (np.cumsum(is_new_visit, dtype=np.int32) - 1).astype(np.int32)
    first_of_visit = np.flatnonzero(is_new_visit)

    # The person of a visit: visits come person by person, so counting visits per person is enough.
    visits_per_person = np.diff(np.append(np.searchsorted(first_of_visit, first_of_person), len(first_of_visit)))
    joined = rng.random(len(activity), dtype=np.float32) * 0.9
    joined = np.repeat(joined, visits_per_person)
    last_start = YEAR_SECONDS - 6 * 3600  # no visit runs into the next year
    visit_start = ((joined + (1 - joined) * rng.random(len(joined), dtype=np.float32)) * last_start).astype(np.int32)

    gap = (rng.standard_exponential(n_events, dtype=np.float32) * SECONDS_BETWEEN_EVENTS).astype(np.int32) + 1
    gap[first_of_visit] = 0
    elapsed = np.cumsum(gap, dtype=np.int64)
    elapsed -= np.repeat(elapsed[first_of_visit], np.diff(np.append(first_of_visit, n_events)))
    seconds = visit_start[visit]
    seconds += np.minimum(elapsed, 6 * 3600 - 1).astype(np.int32)
    return visit, seconds


def format_ids(prefix: str, numbers: np.ndarray, width: int) -> pa.Array:
    """Return prefix + zero-padded number, as strings."""
    text = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), width=width, padding="0")
    return pc.binary_join_element_wise(prefix, text, "")


def make_world(path: Path, n_interactions: int, seed: int = 20) -> dict[str, int]:
    """Write the Parquet file and return its counts: interactions, people, items, visits."""
    n_people, n_items = scale_world(n_interactions)
    activity_seed, times_seed, types_seed = np.random.SeedSequence([seed, 2]).spawn(3)
    activity = draw_activity(np.random.default_rng(activity_seed), n_interactions, n_people, n_items)
    items = draw_items(seed, activity, n_items)
    visit, seconds = draw_times(np.random.default_rng(times_seed), activity)
    people = np.repeat(np.arange(n_people, dtype=np.int32), activity)
    order = np.argsort(seconds, kind="stable")

    user_names = format_ids("u", np.arange(n_people), 6)
    item_names = format_ids("i", np.arange(n_items), 6)
    type_names = pa.array(EVENT_TYPES)
    schema = pa.schema(
        [
            ("event_id", pa.string()),
            ("user_id", pa.string()),
            ("session_id", pa.string()),
            ("event_type", pa.string()),
            ("item_id", pa.string()),
            ("occurred_at", pa.timestamp("us")),
        ]
    )
    types_rng = np.random.default_rng(types_seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    dictionary_columns = ["user_id", "item_id", "event_type", "session_id"]
    with pq.ParquetWriter(unfinished, schema, compression="zstd", use_dictionary=dictionary_columns) as writer:
        for first in range(0, n_interactions, ROW_GROUP_ROWS):
            rows = order[first : first + ROW_GROUP_ROWS]
            types = np.searchsorted(np.cumsum(EVENT_TYPE_SHARES)[:-1], types_rng.random(len(rows)), side="right")
            times = (YEAR_START + seconds[rows].astype(np.int64)) * 1_000_000
            columns = [
                format_ids("e", np.arange(first + 1, first + 1 + len(rows)), 8),
                user_names.take(pa.array(people[rows])),
                format_ids("s", visit[rows], 8),
                type_names.take(pa.array(types)),
                item_names.take(pa.array(items[rows])),
                pa.array(times).cast(pa.timestamp("us")),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=ROW_GROUP_ROWS)
    unfinished.replace(path)
    return {"interactions": n_interactions, "people": n_people, "items": n_items, "visits": int(visit[-1]) + 1}


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a seeded world of shop events.")
    parser.add_argument("--interactions", type=float, required=True, help="distinct (user, item) pairs, in millions")
    parser.add_argument("--output", type=Path, required=True, help="Parquet file to write")
    parser.add_argument("--seed", type=int, default=20)
    args = parser.parse_args()
    print(make_world(args.output, round(args.interactions * 1_000_000), args.seed))


if __name__ == "__main__":
    main()
