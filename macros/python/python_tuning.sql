{#- Settings of the generators: the defaults, what tuning found better, what somebody gave. -#}
{% macro python_tuning() %}{% raw %}
DEFAULT_SETTINGS = {
    "als": {"factors": "auto", "iterations": 15, "regularization": "auto", "alpha": "auto"},
    "neighbors": {
        "user_exponent": 0.75,
        "source_exponent": 0.6,
        "target_exponent": 0.3,
        "decay": 0.9,
        "n_steps": 100,
        "n_neighbors": "auto",
    },
    "sequence": {"target_exponent": 0.3, "decay": 0.7, "n_steps": 10},
    "sessions": {
        "decay": 0.75,
        "n_steps": 20,
        "n_items": "auto",
        "memory_decay": 0.95,
        "n_sessions": 150,
        "per_item": 300,
        "source_exponent": 0.4,
        "target_exponent": 0.2,
    },
    "slim": {
        "user_exponent": 0.5,
        "ridge": 10.0,
        "n_neighbors": "auto",
        "source_exponent": 0.15,
        "target_exponent": 0.5,
        "decay": 0.9,
        "n_steps": 100,
    },
    "content": {"decay": 0.8, "n_steps": 20},
}


def choose_settings(generator, given, tuning_trials, folds):
    """A generator's settings: the best trial's where there was tuning, else the defaults; what is given wins.

    given: {setting: number or 'auto'}, the variable kindred__<generator>. Errors: ValueError for an unknown setting.
    """
    defaults = DEFAULT_SETTINGS[generator]
    for name in given:
        if name not in defaults:
            raise ValueError(f"kindred__{generator} has '{name}': its settings are {', '.join(defaults)}")
    fixed = {name: value for name, value in given.items() if value != "auto"}
    return defaults | best_trial(generator, tuning_trials, folds) | fixed


def best_trial(generator, tuning_trials, folds):
    """The settings of the best trial, by ndcg, of the newest search that knew nothing later than this build's moment."""
    import json

    moments = read_table(folds, ["as_of"])["as_of"].to_pylist()
    columns = ["as_of", "trial", "settings", "ndcg"]
    trials = read_table(tuning_trials, columns, f"generator = '{generator}'").to_pylist()
    trials = [trial for trial in trials if moments and trial["as_of"] <= max(moments)]
    newest = max((trial["as_of"] for trial in trials), default=None)
    of_newest = [trial for trial in trials if trial["as_of"] == newest]
    best = max(of_newest, key=lambda trial: (trial["ndcg"], -trial["trial"]), default={"settings": "{}"})
    return json.loads(best["settings"])


def ndcg_of_lists(people, items, ranks, wanted, k=20):
    """ndcg@k of each person, binary relevance; array of the rows of `wanted`.

    people, items, ranks: the lists, ranks from 1. wanted: CSR matrix of people x items, nonzero = a target.
    """
    is_hit = are_in(wanted, people, items) & (ranks <= k)
    gains = np.bincount(people[is_hit], 1 / np.log2(ranks[is_hit] + 1), minlength=wanted.shape[0])
    ideals = np.cumsum(1 / np.log2(np.arange(k) + 2))
    return gains / ideals[np.minimum(np.maximum(np.diff(wanted.indptr), 1), k) - 1]
{% endraw %}{% endmacro %}
