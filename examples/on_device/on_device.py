"""Lists on a phone or in a shop's till: no server, no dbt, numpy and pyarrow alone, the person's history stays there.

    make export
    python examples/on_device/on_device.py export i035 i188

prints the list of a session (the items that were looked at, oldest first), by neighbours and by a vector of one's own.
"""

import math
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq


class Export:
    """The files of `make export`, read once."""

    def __init__(self, folder):
        def read(name):
            return pq.read_table(Path(folder) / f"{name}.parquet").to_pydict()

        rows = read("neighbors")
        self.neighbors = defaultdict(list)
        for item, neighbor, score in zip(rows["item_id"], rows["neighbor_id"], rows["score"], strict=True):
            self.neighbors[item].append((neighbor, score))
        rows = read("fallback")
        self.fallback = defaultdict(list)
        for segment, item in zip(rows["segment"], rows["item_id"], strict=True):
            self.fallback[segment].append(item)
        self.popular = read("popular")["item_id"]
        # What a session list is made of: n_steps, decay, session_share, list_share.
        self.settings = {name: values[0] for name, values in read("session_settings").items()}

        rows = read("item_factors")
        self.items = {item: number for number, item in enumerate(rows["item_id"])}
        self.factors = np.array(rows["factors"], dtype=np.float64)
        self.is_recommendable = np.array(rows["is_recommendable"])
        self.alpha, self.regularization = rows["alpha"][0], rows["regularization"][0]
        # People's vectors are made of items that somebody touched, not of those that are known by their content alone.
        self.is_learned = np.array(rows["content_share"]) < 1
        self.gram = self.factors[self.is_learned].T @ self.factors[self.is_learned]

        # Only where the generator transformer is on.
        self.transformer = None
        if (Path(folder) / "transformer_items.parquet").exists():
            self.transformer = read("transformer_items") | read("transformer_weights")

        rows = read("event_types")
        self.learns_until = rows.pop("learns_until")[0]
        self.max_events = rows.pop("max_events_per_person")[0]
        self.event_types = {values[0]: values[1:] for values in zip(*rows.values(), strict=True)}


def session_list(export, session, n=20, own_list=(), excluded=(), segment=""):
    """The n items to show after a session: [item_id, ...]. The same as the server's answer.

    session: item ids, oldest first. own_list: the person's published list, best first, where the app has kept it.
    excluded: what must not be shown. segment: the person's, '' = not known.
    """
    settings = export.settings
    newest_first = list(dict.fromkeys(reversed(session)))
    votes = defaultdict(float)
    for step, item in enumerate(newest_first[: settings["n_steps"]]):
        for neighbor, score in export.neighbors[item]:
            if neighbor not in newest_first:
                votes[neighbor] += settings["decay"] ** step * score
    highest = max(votes.values(), default=1)
    scores = {item: settings["session_share"] * vote / highest for item, vote in votes.items()}
    for place, item in enumerate(own_list):
        scores[item] = scores.get(item, 0) + settings["list_share"] * (1 - place / len(own_list))
    best = sorted(scores, key=lambda item: (-round(scores[item], 9), item)) if session else own_list
    barred = {*newest_first, *excluded}
    # What is left open is filled: the segment's fallback, that of everyone, then all that is popular.
    filled = dict.fromkeys([*best, *export.fallback[segment], *export.fallback[""], *export.popular])
    return [item for item in filled if item not in barred][:n]


def history_of(export, events):
    """What a person's events add up to: ({item_id: weight}, ids of the items not to be proposed again).

    events: (event_type, item_id, value or None, datetime in UTC) of one person. What comes after the export's moment
    counts in full; what is older has faded as it had by then. Above max_events events with an item, n events count as
    max_events + ln(1 + n - max_events), so that a page opened by a script doesn't outweigh all else.
    """
    weights, n_events, excluded = defaultdict(float), Counter(), set()
    for event_type, item, value, occurred_at in events:
        if event_type not in export.event_types:
            continue
        weight, half_life, neutral, excludes_item = export.event_types[event_type]
        if value is not None and neutral is not None and value < neutral:
            weight = -weight
        if half_life is not None:
            age = max(export.learns_until - occurred_at, timedelta(0))
            weight *= 0.5 ** (age / timedelta(days=half_life))
        weights[item] += weight
        n_events[item] += 1
        if excludes_item:
            excluded.add(item)
    for item, n in n_events.items():
        if n > export.max_events:
            weights[item] *= (export.max_events + math.log(1 + n - export.max_events)) / n
    return dict(weights), excluded


def person_vector(export, weights):
    """The person's factors, one exact half-step of ALS from the items': solves for what the weights say of them.

    weights: {item_id: weight}. None where nothing of positive weight is known to the export.
    """
    met = {export.items[item]: weight for item, weight in weights.items() if item in export.items and weight}
    met = {number: weight for number, weight in met.items() if export.is_learned[number]}
    if not any(weight > 0 for weight in met.values()):
        return None
    vectors = export.factors[list(met)]
    weight = np.array(list(met.values()))
    confidence = 1 + export.alpha * np.abs(weight)
    left = export.gram + export.regularization * np.eye(vectors.shape[1])
    left += vectors.T @ ((confidence - 1)[:, None] * vectors)
    return np.linalg.solve(left, vectors.T @ (confidence * (weight > 0)))


def als_list(export, vector, excluded=(), n=20):
    """The n items nearest to a person's vector: [(item_id, score), ...]."""
    scores = export.factors @ vector
    may = export.is_recommendable.copy()
    may[[export.items[item] for item in excluded if item in export.items]] = False
    ids = list(export.items)
    best = sorted(np.flatnonzero(may), key=lambda number: (-scores[number], number))[:n]
    return [(ids[number], float(scores[number])) for number in best]


def transformer_list(export, session, n=20):
    """The n items that the transformer expects after a session: [(item_id, score), ...], without those of the session.

    session: item ids, oldest first. The session's vector is a weighted sum of its newest items' vectors, learned to
    imitate the network, which doesn't run here.
    """
    rows = export.transformer
    places = {item: number for number, item in enumerate(rows["item_id"])}
    newest_first = [places[item] for item in dict.fromkeys(reversed(session)) if item in places]
    if not newest_first:
        return []
    weights = np.array(rows["weight"])[: len(newest_first)]
    vectors = np.array(rows["session_factors"])[newest_first[: len(weights)]]
    scores = np.array(rows["factors"]) @ (weights @ vectors)
    may = np.array(rows["is_recommendable"])
    may[newest_first] = False
    best = sorted(np.flatnonzero(may), key=lambda number: (-scores[number], number))[:n]
    return [(rows["item_id"][number], float(scores[number])) for number in best]


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    export = Export(sys.argv[1])
    print("by neighbours:", *session_list(export, sys.argv[2:], n=10))
    now = datetime.now(UTC).replace(tzinfo=None)
    weights, excluded = history_of(export, [("view", item, None, now) for item in sys.argv[2:]])
    vector = person_vector(export, weights)
    if vector is not None:
        print("by a vector:  ", *(item for item, _ in als_list(export, vector, excluded, n=10)))
    if export.transformer:
        print("transformer:  ", *(item for item, _ in transformer_list(export, sys.argv[2:], n=10)))
