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
    },
    "sequence": {"target_exponent": 0.3, "decay": 0.7, "n_steps": 10},
    "sessions": {
        "decay": 0.75,
        "n_steps": 20,
        "n_sessions": 150,
        "per_item": 300,
        "source_exponent": 0.4,
        "target_exponent": 0.2,
    },
    "content": {"decay": 0.8, "n_steps": 20},
}


def choose_settings(generator, given, tuning_trials):
    """A generator's settings: the best trial's where there was tuning, else the defaults; what is given wins.

    given: {setting: number or 'auto'}, the variable kindred__<generator>. Errors: ValueError for an unknown setting.
    """
    defaults = DEFAULT_SETTINGS[generator]
    for name in given:
        if name not in defaults:
            raise ValueError(f"kindred__{generator} has '{name}': its settings are {', '.join(defaults)}")
    fixed = {name: value for name, value in given.items() if value != "auto"}
    return defaults | best_trial(generator, tuning_trials) | fixed


def best_trial(generator, tuning_trials):
    """The settings of the newest search's best trial, by ndcg; empty where there was none."""
    import json

    columns = ["generator", "tuned_at", "trial", "settings", "ndcg"]
    trials = read_table(tuning_trials, columns, f"generator = '{generator}'").to_pylist()
    if not trials:
        return {}
    newest = max(trial["tuned_at"] for trial in trials)
    best = max((t for t in trials if t["tuned_at"] == newest), key=lambda t: (float(t["ndcg"]), -int(t["trial"])))
    return json.loads(best["settings"])
{% endraw %}{% endmacro %}
