"""The promise of the recipe media, measured on its world, and an extract of what it makes."""

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from recipes.media.world import END
from recipes.run import Ask, first_places, title

# The same project, learning from clicks: a replay, which publishes nothing, of all that makes lists.
CLICKS = (
    f"{{learns_from: clicks, kindred__as_of: '{END:%Y-%m-%d}', kindred__folds: [tuning, backtest],"
    " kindred__tables: {event_weights: media_event_weights}}"
)
COMPARED = ["--select", "+compared_lists", "--exclude-resource-type", "test", "--vars", CLICKS]

POLICIES = ("watching", "clicks")
OFTEN = 3  # visits
NEW_SEASON = "s07"  # as media_rules.csv
N_AUTOPLAYED = 15  # viewers whose autoplay is asked for


def off_policy_values(ask: Ask) -> dict[str, tuple[float, float]]:
    """{policy: (minutes watched per place, its standard error)}, self-normalised, of kindred's policy_values."""
    rows = ask("""
        select
            policy,
            value,
            standard_error,
            is_reliable,
            note
        from policy_values
        where source = 'foreign'
            and period = 'all'
            and kind = 'place'
            and estimator = 'snips'
    """)
    for policy, _, _, is_reliable, note in rows:
        assert is_reliable, f"the value of {policy} can't be believed: {note}"
    return {policy: (value, error) for policy, value, error, _, _ in rows}


def error_of_difference(ask: Ask, values: Mapping[str, tuple[float, float]]) -> float:
    """The standard error of the difference, over people: both policies are evaluated on the same places."""
    sums: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    for policy, person, weighed, weights in ask("""
        select
            policy,
            user_id,
            sum(weight * reward),
            sum(weight)
        from logged_places
        where source = 'foreign'
            and problem is null
        group by
            policy,
            user_id
    """):
        sums[person][policy] = (float(weighed), float(weights))
    totals = {policy: sum(person[policy][1] for person in sums.values()) for policy in POLICIES}
    residuals = {
        policy: [
            (person[policy][0] - values[policy][0] * person[policy][1]) / totals[policy] for person in sums.values()
        ]
        for policy in POLICIES
    }
    # That each policy's own error is that of policy_values says that these are its places.
    for policy in POLICIES:
        assert math.isclose(math.hypot(*residuals[policy]), values[policy][1], rel_tol=0.01), policy
    return math.hypot(*(one - other for one, other in zip(*residuals.values(), strict=True)))


def keep_watch_time(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Lists that learn from what is watched earn more watch time than those that learn from clicks."""
    values = off_policy_values(ask)
    assert set(values) == set(POLICIES), f"there are values of {sorted(values)}: build what is compared first"
    gain, error = values["watching"][0] - values["clicks"][0], error_of_difference(ask, values)
    assert gain > 2 * error, f"{gain:.1f} +- {error:.1f} minutes a place more than by clicks: too little"
    lists: dict[str, dict[str, list[str]]] = {policy: defaultdict(list) for policy in POLICIES}
    for policy, person, item in ask("select learns_from, user_id, item_id from compared_lists"):
        lists[policy][person].append(item)
    seconds, n_visits = truths["expected_seconds"], truths["n_visits"]
    for policy, (value, own_error) in values.items():
        expected = sum(
            n_visits[person] * statistics.mean(seconds[person][item] for item in lists[policy][person])
            for person in n_visits
        )
        expected /= 60 * sum(n_visits.values())
        assert abs(value - expected) < 3 * own_error, f"{policy}: {value:.2f} +- {own_error:.2f}, truly {expected:.2f}"
    shares = [
        statistics.mean(item in truths["clickbait"] for items in lists[policy].values() for item in items)
        for policy in POLICIES
    ]
    return [
        "watch time by off-policy value: {:.1f} ± {:.1f} minutes a place, by clicks {:.1f} ± {:.1f}".format(
            *values["watching"], *values["clicks"]
        )
        + f": {gain:.1f} ± {error:.1f} more; clickbait has {shares[0]:.0%} of the places, by clicks {shares[1]:.0%}"
    ]


def keep_shelves(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """continue_watching and next_in_series are what viewers truly stopped and truly have next; no list repeats them."""
    continued: dict[str, list[str]] = defaultdict(list)
    for person, title_id in ask("select viewer_id, title_id from continue_watching order by viewer_id, rank"):
        continued[person].append(title_id)
    wrong = {
        person
        for person in {*continued, *truths["continued"]}
        if continued[person] != truths["continued"].get(person, [])
    }
    assert not wrong, f"continue_watching is wrong for {sorted(wrong)[:5]}"
    rows = ask("select viewer_id, shown_id, title_id from next_in_series")
    following = {(person, series): title_id for person, series, title_id in rows}
    assert len(rows) == len(following) > 100 and following == truths["next"], "next_in_series is wrong"
    n_again = len(set(following) & truths["watched_again"])
    assert n_again >= 20, f"{n_again} viewers went back to an earlier episode: that this changes nothing isn't tested"
    shelved = {(person, shown) for person, shown in ask("select viewer_id, shown_id from continue_watching")}
    listed = ask("select user_id, item_id from recommendations")
    twice = (shelved | set(following)) & set(listed)
    assert not twice, f"{len(twice)} of {len(listed)} recommended titles stand on another shelf: {sorted(twice)[:5]}"
    pinned = {item for _, item in ask("select user_id, item_id from recommendations where generator = 'pinned'")}
    assert pinned == {NEW_SEASON}, f"the rule pins {pinned}"
    return [
        f"{sum(map(len, continued.values())):,} titles to continue, in their order, and {len(following)} next episodes,"
        f" {n_again} of them of viewers who went back to an earlier one: 0 wrong; 0 of {len(listed):,} recommended"
        " titles stand there, too"
    ]


def keep_autoplay(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """When an episode is over the viewer's next one plays, then what the session's list has, and nothing twice."""
    asked = sorted(
        (person, series, after)
        for person, series, after in ask("select viewer_id, shown_id, after_title_id from next_in_series")
        if person in truths["continued"]
    )[:N_AUTOPLAYED]
    for person, series, after in asked:
        rows = ask(f"select rank, shown_id, title_id from autoplay('{person}', '{series}', '{after}', 5) order by rank")
        listed = ask(
            f"select item_id from recommend_items('{person}', '[\"{series}\"]', 5, null, null, null, null, null, null,"
            " null) order by rank"
        )
        assert rows[0][1:] == (series, truths["next"][person, series]), f"{rows[0]} plays after {after} for {person}"
        assert [shown for _, shown, _ in rows[1:]] == [shown for (shown,) in listed], f"the list after {after}"
        assert [rank for rank, *_ in rows] == list(range(1, len(rows) + 1)) and len(rows) > 3
    assert len(asked) == N_AUTOPLAYED
    return [f"after {len(asked)} episodes the viewer's next episode plays, then the list of the session"]


def keep_thumbnails(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """In each country the bandit gives most of the places to the thumbnail that is liked there."""
    rows = ask("""
        select
            context,
            arm,
            share,
            n_people
        from current_arms
        where experiment_id = 'thumbnails'
            and context like 'segment=%'
    """)
    shares: dict[str, list[float]] = defaultdict(list)
    for context, arm, share, n_people in rows:
        country = context.removeprefix("segment=").split("|")[0]
        if n_people and arm == truths["liked_thumbnail"][country]:
            shares[country].append(share)
    assert set(shares) == set(truths["liked_thumbnail"]), f"the bandit knows {sorted(shares)}"
    assert all(share > 0.5 for country in shares.values() for share in country), f"shares of what is liked: {shares}"
    offered = ask("select count(*) from item_arms where experiment_id = 'thumbnails' and context = ''")
    assert offered[0][0] > 0, "no title has its thumbnails"
    lowest = min(share for country in shares.values() for share in country)
    return [f"the thumbnail that a country likes gets {lowest:.0%} of the places and more in {len(shares)} countries"]


def keep_fatigue(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """What a viewer is shown on every visit and never opens falls, and leaves the top of the list."""
    places = ask(f"""
        with places as (

            select
                ruled_candidates.user_id,
                ruled_candidates.item_id,
                row_number() over (
                    partition by ruled_candidates.user_id
                    order by ruled_candidates.score desc, ruled_candidates.item_id
                ) as place,
                row_number() over (
                    partition by ruled_candidates.user_id
                    order by scored_candidates.score desc, ruled_candidates.item_id
                ) as place_by_score
            from ruled_candidates
            inner join scored_candidates
                on ruled_candidates.fold = scored_candidates.fold
                    and ruled_candidates.policy = scored_candidates.policy
                    and ruled_candidates.user_id = scored_candidates.user_id
                    and ruled_candidates.item_id = scored_candidates.item_id
            where ruled_candidates.fold = 'live'
                and ruled_candidates.policy = 'main'

        )

        select
            places.user_id,
            places.item_id,
            places.place_by_score,
            places.place
        from places
        inner join passed_over_items
            on places.user_id = passed_over_items.user_id
                and places.item_id = passed_over_items.item_id
        where passed_over_items.fold = 'live'
            and passed_over_items.n_visits >= {OFTEN}
    """)
    falls = [place - before for person, item, before, place in places if truths["pushed"].get(person) == item]
    assert len(falls) >= 20, f"{len(falls)} of the titles that are shown in vain are candidates: fatigue has no test"
    fall, error = statistics.mean(falls), statistics.stdev(falls) / len(falls) ** 0.5
    assert fall > 3 * error, f"what was shown in vain falls by {fall:.1f} +- {error:.1f} places: too little"
    return [
        f"{len(falls)} titles that were shown in vain on {OFTEN} visits and more fall by {fall:.1f} ± {error:.1f}"
        " places"
    ]


def keep(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """The promise, figure by figure. Errors: AssertionError where it is broken."""
    parts = (keep_watch_time, keep_shelves, keep_autoplay, keep_thumbnails, keep_fatigue)
    return [line for part in parts for line in part(ask, truths)]


def extract(ask: Ask) -> list[str]:
    """What an editor would look at first."""
    [(person, name, series, after)] = ask("""
        select
            continue_watching.viewer_id,
            items.title,
            next_in_series.shown_id,
            next_in_series.after_title_id
        from continue_watching
        inner join next_in_series
            on continue_watching.viewer_id = next_in_series.viewer_id
        inner join items
            on next_in_series.shown_id = items.item_id
        order by
            next_in_series.last_played_at desc,
            continue_watching.viewer_id,
            continue_watching.rank
        limit 1
    """)
    lines = title(f"What {person} watched last")
    for row in ask(f"""
        select
            items.title,
            items.category,
            newest_plays.reached,
            newest_plays.started_at
        from newest_plays
        inner join items
            on newest_plays.shown_id = items.item_id
        where newest_plays.viewer_id = '{person}'
        order by newest_plays.started_at desc
        limit 5
    """):
        lines.append("{:24} {:16} {:4.0%}, on {:%d %B}".format(*row))
    lines += [*title(f"What {person} is recommended, and why"), *first_places(ask, person)]
    lines += title(f"What {person} may continue")
    for row in ask(f"""
        select
            items.title,
            continue_watching.title_id,
            continue_watching.reached,
            continue_watching.last_played_at
        from continue_watching
        inner join items
            on continue_watching.shown_id = items.item_id
        where continue_watching.viewer_id = '{person}'
        order by continue_watching.rank
    """):
        lines.append("{:24} {} at {:3.0%}, on {:%d %B}".format(*row))
    lines += title("The next episodes")
    for row in ask(f"""
        select
            items.title,
            next_in_series.title_id,
            next_in_series.after_title_id
        from next_in_series
        inner join items
            on next_in_series.shown_id = items.item_id
        where next_in_series.viewer_id = '{person}'
        order by
            next_in_series.last_played_at desc,
            next_in_series.shown_id
    """):
        lines.append("{:24} {} after {}".format(*row))
    lines += title(f"Autoplay: what plays when {after} of {name} is over")
    for row in ask(f"""
        select
            following.rank,
            items.title,
            following.title_id,
            items.category,
            following.reason
        from autoplay('{person}', '{series}', '{after}', 4) as following
        inner join items
            on following.shown_id = items.item_id
        order by following.rank
    """):
        lines.append("{} {:24} {} {:16} {}".format(*row))
    lines += title(f"Which thumbnails {person} is shown")
    for name, item in ask("""
        select
            items.title,
            items.item_id
        from items
        inner join item_arms
            on items.item_id = item_arms.item_id
        where item_arms.experiment_id = 'thumbnails'
        group by
            items.title,
            items.item_id
        order by items.item_id
        limit 3
    """):
        for row in ask(f"select value, share, context from assign_arms('{person}', item_id => '{item}')"):
            lines.append("{:24} {:6} with probability {:.2f} ({})".format(name, *row))
    lines += title("Which thumbnail viewers get")
    for row in ask("""
        select
            context,
            arm,
            share,
            n_people,
            reward
        from current_arms
        where experiment_id = 'thumbnails'
            and n_people > 0
        order by
            context,
            arm
    """):
        lines.append(
            "{:24} {:6} {:4.0%} ({:3} shown, {:4.0%} watched to the end)".format(row[0] or "anybody", *row[1:])
        )
    return lines
