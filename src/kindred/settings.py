"""Every setting of kindred, with its default: the one home of both.

`make embed` writes them into the macro `default_settings`, which SQL models read through `kindred.setting(group, key)`;
Python models get a group as it was given, through their YAML, and fill it up with `fill`. docs/settings.md has all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# {variable without `kindred__`: {key: default}}; None = a variable that is no group. '' = not given, or no such thing.
GROUPS: dict[str, dict[str, Any]] = {
    # The name of a dbt model or seed, or schema.table. Nothing given = the sample shop; what is not named is not given.
    "inputs": {"events": "", "items": "", "users": "", "consents": "", "erasures": "", "identity_links": ""},
    # The schema (schema, database.schema or a list of them) into which each tracker writes; then they are the inputs.
    "trackers": dict.fromkeys(
        ("segment", "rudderstack", "snowplow", "ga4", "mixpanel", "amplitude", "shopify", "stream"), ""
    ),
    "tracker_options": {
        "item_keys": {},  # {tracker: key or keys that hold an item's id}
        "time_zones": {},  # {tracker: time zone of its times without an offset}; not given = UTC
        "shopify_item": "product",  # product or variant: what an item is
        "currency": "",  # the shop's currency, such as EUR; '' = money is taken as it comes
        "rates": "",  # table of currency, day and rate: units of the shop's currency for one of another
    },
    # The shop's own table in place of a seed: a dbt model or seed, or schema.table.
    "tables": dict.fromkeys(
        (
            *("event_weights", "generators", "rules", "eligibility", "gates", "purposes"),
            *("tracker_events", "traffic_rules", "campaigns", "blocked_ids", "reason_texts"),
            *("policies", "experiments", "experiment_arms", "experiment_metrics"),
            *("foreign_log", "foreign_policies", "device_reports"),
        ),
        "",
    ),
    "identity": {
        "case_insensitive_ids": True,  # ids that look like e-mail addresses are compared without case
        "email": False,  # whether identity links of kind email count
        "max_ids_per_person": 100,  # ids that links may join; a larger group is dissolved
        "max_users_per_device": 5,  # people of a shared device; on one of more, what nobody's login claims is nobody's
        "max_devices_per_user": 50,  # devices of a user id; one on more is a shared account and claims none
        "max_users_per_email": 3,  # people that one e-mail address may join
        "serve_logged_out": True,  # whether a release knows the devices of people who aren't logged in
    },
    "privacy": {
        "purposes": ["personalization"],  # purposes that a person must all allow
        "requires_consent": False,  # True, or a list of purposes: a person without an answer counts as refusing
        "consent_scope": "person",  # event: what happened while there was no consent is left out too
        "min_people": 1,  # people on whom a published figure about items or groups of people rests at least; 1 = off
        "epsilon": "",  # what a day's private_popularity may tell of one person; '' = off, and no such table
        "max_items_per_person": 20,  # newest items of a person that count in private_popularity
        "lists_for": "people",  # segments: nothing that is published has a row about a person; needs min_people above 1
        "device_epsilon": "",  # what a device's report of a month may tell of its person; '' = devices report nothing
        "protected_fields": [],  # fields of users whose groups group_fairness compares
    },
    "traffic": {
        "max_rejected_share": 0.5,  # share of raw events that may be unusable before the build stops
        "max_events_per_person": 5,  # events of one person and item that count for popularity and trend
        "min_events": 200,  # events from which on a person's pace is looked at
        "max_events_per_minute": 60,  # events in one minute that a person can cause
        "max_items_per_day": 1000,  # items that a person can look at in a day
    },
    "lists": {
        "segment_by": "country",  # column of users that splits people into segments; '' = no segments
        "variant_attribute": "variant_group",  # key in the items' attributes, equal for all sizes of a thing
        "session_gap_minutes": 30,  # silence that ends a session where the tracker gives no session_id
        "n_recommendations": 20,  # items in a person's list
        "n_candidates": 50,  # items that each generator proposes per person
        "expires_after_hours": 48,  # age at which an app should stop showing a list
    },
    # A generator's settings are `auto` where they aren't given: the best of `make tune`, else a default.
    "generators": {
        "n_neighbors": 100,  # neighbours kept per item
        "text_encoder": "",  # wordllama, or a folder of weights: vectors of the items' texts; '' = none
    },
    # Bounds that make a training due where kindred__train is when_due; off = no such bound.
    "training": {"age_days": 7, "new_events_share": 0.1, "drift": 0.25},
    "ranking": {
        "diversity": 0,  # 0 to 1: what a second item of a category loses; 0 = by score alone
        "freshness": 0,  # what a new item's score gains: 1 = it doubles; halves in each horizon; 0 = off
        "fatigue": 0,  # 0 to 1: share of its score that an item loses with each visit on which it was shown in vain
        "discovery_share": 0,  # share of each list's places kept for items that the person hasn't bought; 0 = none
        "exploration_share": 0.05,  # share of each published list that is drawn by chance; 0 = nothing
    },
    # path: '' = the folder <DuckDB file>_serving beside it; the environment's KINDRED_SERVING_PATH comes first.
    "serving": {
        "store": "sqlite",  # sqlite, postgres (address in the environment's KINDRED_POSTGRES) or none
        "path": "",  # folder of the SQLite releases
        "kept_releases": 5,  # releases that a rollback can go back to, the served one among them
        # What the service writes with --request-log: its folder, on Snowflake the table; '' = none.
        "request_log": "",
        "p99_ms": 50,  # milliseconds in which 99 of 100 requests of an endpoint are to be answered
    },
    # Bounds that stop publication, by gate; the seed `gates` has the defaults. off = no such gate.
    "gates": {},
    "experiments": {
        "log_days": "",  # age in days at which rows leave recommendation_log; '' or 0 = they stay
        "conversion_days": 7,  # days after a click on a list in which a purchase counts for it
        "alpha": 0.05,  # chance of a false verdict of an experiment
        "power": 0.8,  # chance to find the effect for which an experiment is planned
        "margin_floor": 0,  # least margin, as a share of the cost, of bundles and of what a price arm leaves
    },
}
# Variables that are no group: what is set for one run stands alone, because --vars replaces a whole group.
PLAIN: dict[str, Any] = {
    "horizon_days": 14,  # days in which a fold is evaluated
    "as_of": "",  # UTC timestamp to replay; '' = the midnight after the newest usable event
    "folds": ["tuning", "backtest", "live"],  # the folds to build; a daily run may build [live] alone
    "train": "always",  # always, or when_due: the fold live is trained when a bound of kindred__training is reached
    "tune_minutes": 0,  # budget of the search for better settings in this run
    "override_gates": [],  # gates to let through, with --vars
}
# Names of before version 0.1.0 and where the setting is now.
RENAMED = {
    **{name: f"kindred__inputs: {{{name}: ...}}" for name in GROUPS["inputs"]},
    **{name: f"kindred__lists: {{{name}: ...}}" for name in GROUPS["lists"]},
    **{name: f"kindred__ranking: {{{name}: ...}}" for name in GROUPS["ranking"]},
    **{name: f"kindred__experiments: {{{name}: ...}}" for name in GROUPS["experiments"]},
    **{
        name: f"kindred__generators: {{{name}: ...}}"
        for name in ("n_neighbors", "als", "neighbors", "slim", "sequence", "sessions", "content")
    },
    "requires_consent": "kindred__privacy: {requires_consent: ...}",
    "max_rejected_share": "kindred__traffic: {max_rejected_share: ...}",
    "retrain": "kindred__training: {age_days: ..., new_events_share: ..., drift: ...}",
    "serving_store": "kindred__serving: {store: ...}",
    "serving_path": "kindred__serving: {path: ...}",
    "kept_releases": "kindred__serving: {kept_releases: ...}",
    "publish_gates": "kindred__gates: {changed_lists: ..., ...}",
}


def fill(group: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A group as it was given, merged key by key over its defaults.

    Errors: ValueError for a key that the group doesn't have.
    """
    defaults = GROUPS[group]
    unknown = set(given) - set(defaults)
    if unknown:
        raise ValueError(f"kindred__{group} has '{min(unknown)}': its keys are {', '.join(defaults)}")
    return defaults | dict(given)
