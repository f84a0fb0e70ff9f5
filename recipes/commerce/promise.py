"""The promise of the recipe commerce, measured on its world, and an extract of what it makes."""

import json
import statistics
from collections import Counter
from collections.abc import Mapping
from typing import Any

from recipes.run import Ask, first_places, title

MARGIN_FLOOR = 0.1  # as kindred__experiments of dbt_project.yml
N_SEARCHERS = 40
CRIME = "i324"
CAPS = {"dripper": 3, "coffee": 2}  # mails in two weeks, as shop_campaigns.csv has them


def mean_and_error(values: list[float]) -> tuple[float, float]:
    return statistics.mean(values), statistics.stdev(values) / len(values) ** 0.5


def keep_the_floor(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """No bundle and no price of the test is below cost + floor, and the loss leaders would have been a bundle."""
    below = ask(f"""
        select count(*), sum(case when price < (price - margin) * {1 + MARGIN_FLOOR} - 1e-6 then 1 else 0 end)
        from bundles
    """)
    [(n_bundles, n_below)] = below
    assert n_bundles > 0 and n_below == 0, f"{n_below} of {n_bundles} bundles are below the floor"
    leader, other = sorted(truths["loss_leaders"])
    pairs = ask(f"select count(*) from item_pairs where item_id = '{leader}' and other_item_id = '{other}'")
    assert pairs == [(1,)], "the loss leaders aren't bought together often enough to be a bundle: the floor has no test"
    prices = ask(f"""
        select
            count(*),
            sum(case when item_arms.price < (items.price - items.margin) * {1 + MARGIN_FLOOR} - 1e-6 then 1 else 0 end),
            sum(case when not item_arms.price between 5 and 60 then 1 else 0 end)
        from item_arms
        inner join items
            on item_arms.item_id = items.item_id
        where item_arms.arm <> 'as_it_is'
    """)
    [(n_prices, n_too_low, n_out_of_bounds)] = prices
    assert n_prices > 0 and n_too_low == 0 and n_out_of_bounds == 0, (
        f"of {n_prices} prices {n_too_low} are below the floor, {n_out_of_bounds} out of bounds"
    )
    left_out = ask("""
        select count(*)
        from items
        left join item_arms
            on items.item_id = item_arms.item_id
                and item_arms.arm = 'lower'
        where items.category = 'Coffee & Tea'
            and item_arms.item_id is null
    """)
    assert left_out[0][0] > 0, "every item may be sold at the lower price: the floor has no test"
    return [
        f"{n_bundles} bundles and {n_prices} prices of the test: 0 below cost + {MARGIN_FLOOR:.0%}, 0 out of bounds"
    ]


def price_results(ask: Ask) -> dict[tuple[str, str], tuple[Any, ...]]:
    """{(metric, arm): (effect, its standard error, lower, upper, people who saw the arm's prices, verdict, note)}"""
    rows = ask("""
        select
            metric,
            arm,
            effect,
            standard_error,
            lower,
            upper,
            n,
            verdict,
            note
        from experiment_results
        where experiment_id = 'coffee_prices'
            and segment_by = ''
            and is_newest
    """)
    return {(metric, arm): tuple(row) for metric, arm, *row in rows}


def keep_price_test(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """What prices do to margin and revenue is found: the intervals hold the planted effects."""
    offered = {
        (item, arm): float(price)
        for item, arm, price in ask("select item_id, arm, price from item_arms where has_all_arms")
    }
    assert offered and all(abs(truths["prices"][key] - price) < 1e-6 for key, price in offered.items()), (
        "customers were shown other prices than item_arms has"
    )
    results = price_results(ask)
    assert set(results) == set(truths["price_effects"]), f"there are results of {sorted(results)}"
    for (metric, arm), (effect, _, lower, upper, _, verdict, note) in results.items():
        truly = truths["price_effects"][metric, arm]
        assert verdict != "invalid", f"{metric} of {arm}: {note}"
        assert lower <= truly <= upper, f"{metric} of {arm}: {effect:.2f} ({lower:.2f} to {upper:.2f}), not {truly:.2f}"
    lines = []
    for arm in ("lower", "higher"):
        margin, revenue = results["margin", arm], results["revenue", arm]
        lines.append(
            f"the {arm} price: {margin[0]:+.2f} ± {margin[1]:.2f} margin a customer and product (truly"
            f" {truths['price_effects']['margin', arm]:+.2f}; {margin[5]}), {revenue[0]:+.2f} ± {revenue[1]:.2f}"
            f" revenue (truly {truths['price_effects']['revenue', arm]:+.2f}); {margin[4]:,} people"
        )
    return lines


def keep_refills(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Every planted regular buyer who is due finds the refill in `buy_again`."""
    found = set(ask("select user_id, item_id from buy_again"))
    bought = ask("""
        select user_id, item_id
        from basket_items
        group by user_id, item_id
        having max(bought_at) between cast('2026-03-09' as timestamp) and cast('2026-05-09' as timestamp)
    """)
    due = set(bought) & set(truths["refilled"])
    assert len(due) >= 3 and due <= found, (
        f"of {len(due)} regular buyers who are due {len(due & found)} find their refill"
    )
    return [f"{len(due & found)} of {len(due)} regular buyers who are due find their refill in buy_again"]


def books(ask: Ask) -> list[str]:
    """The results of a search for books, in the order of the shop's own search."""
    rows = ask("""
        select item_id
        from items
        where category = 'Books'
            and is_available
        order by title, item_id
    """)
    return [item for (item,) in rows]


def reranked_query(person: str, results: list[str]) -> str:
    return f"select item_id from rerank_items('{person}', '{json.dumps(results)}', null, null) order by rank"


def keep_search(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Results of a search, re-ranked for a person: what speaks to the person's taste moves up."""
    results = books(ask)
    people = [user_id for (user_id,) in ask("select user_id from recommendation_lists order by user_id")]
    gains = []
    for user_id in people:
        taste = truths["taste_of_person"].get(user_id)
        own = [item for item in results if truths["taste_of_item"].get(item) == taste and item != CRIME]
        if not own or len(gains) == N_SEARCHERS:
            continue
        shown = [item_id for (item_id,) in ask(reranked_query(user_id, results))]
        may_see_crime = is_eligible(truths["customers"].get(user_id, {}), (CRIME, "Books", ""))
        expected = [item for item in results if item != CRIME or may_see_crime]
        assert sorted(shown) == sorted(expected), f"a result for {user_id} was lost, invented or not allowed"
        places = [statistics.mean(order.index(item) for item in own) for order in (results, shown)]
        gains.append(places[0] - places[1])
    gain, error = mean_and_error(gains)
    assert gain > 3 * error, f"items of a person's taste move up by {gain:.1f} +- {error:.1f} places: too little"
    return [
        f"of {len(results)} results of a search, those of a person's taste move up by {gain:.1f} +- {error:.1f} places"
        f" ({len(gains)} people)"
    ]


def is_eligible(customer: Mapping[str, Any], product: tuple[str, str, str]) -> bool:
    """Whether a customer may be shown a product (sku, department, brand): the seed's conditions, written again."""
    sku, department, brand = product
    age, club, country = customer.get("age"), customer.get("club"), customer.get("country")
    return not (
        (sku == CRIME and not (age is not None and age >= 16))
        or (department == "Nutrition" and not (age is not None and age >= 18))
        or (brand == "Copperlark" and club not in ("silver", "gold"))
        or (brand == "Tindlehask" and country not in ("DE", "AT"))
    )


def keep_eligibility(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Nobody is shown what they aren't eligible for, in any table that names people or is for everybody."""
    products = {row[0]: row for row in ask("select item_id, category, brand from items")}
    shown = [
        *ask("select user_id, item_id from recommendations"),
        *ask("select user_id, item_id from buy_again"),
        *ask("select user_id, item_id from people_for_item"),
        *ask("select user_id, item_id from campaign_people"),
        *ask("select '', item_id from fallback_recommendations"),
        *ask("select '', item_id from trending_items"),
    ]
    # A person who is known by a device alone is no customer: nothing is known of them.
    wrong = [row for row in shown if not is_eligible(truths["customers"].get(row[0], {}), products[row[1]])]
    assert not wrong, f"{len(wrong)} of {len(shown)} offers are shown to people who aren't eligible: {wrong[:5]}"
    pinned = ask("select count(*) from recommendations where generator = 'pinned'")
    assert pinned[0][0] > 100, "hardly any pin is shown: that conditions stand above pins isn't tested"
    # What request time goes by, for each person and each item under a condition.
    sets = ask("select item_id, eligibility from release_items")
    for user_id, text in ask("select user_id, eligible_for from release_lists"):
        customer, eligible_for = truths["customers"].get(user_id, {}), {"", *json.loads(text)}
        for item_id, eligibility in sets:
            may_see = eligibility in eligible_for
            assert may_see == is_eligible(customer, products[item_id]), f"{user_id} and {item_id} at request time"
    nobody: dict[str, Any] = {}
    n_conditioned = sum(not is_eligible(nobody, products[item_id]) for _, item_id in shown)
    assert n_conditioned > 100, "hardly any item under a condition is shown to anybody: this says little"
    return [
        f"{len(shown):,} places of lists, {n_conditioned:,} of them under a condition: 0 shown to people who aren't"
        " eligible"
    ]


def keep_campaigns(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """Caps hold over all campaigns, and the people of the campaign would buy its product more often than others."""
    sent, planned = (
        Counter(truths["mailed"]),
        Counter(person for (person,) in ask("select user_id from campaign_people")),
    )
    over = [
        (campaign, person)
        for campaign, person in ask("select campaign_id, user_id from campaign_people")
        if sent[person] + planned[person] > CAPS[campaign]
    ]
    assert not over, f"{len(over)} people would get more mails than the cap allows: {over[:5]}"
    chosen = [user_id for (user_id,) in ask("select user_id from campaign_people where campaign_id = 'dripper'")]
    would_buy = truths["would_buy"]
    share, everybody = (statistics.mean(would_buy[person] for person in people) for people in (chosen, would_buy))
    lift, error = share / everybody, (share * (1 - share) / len(chosen)) ** 0.5 / everybody
    assert lift > 1 + 2 * error, (
        f"people of the campaign buy {lift:.1f} +- {error:.1f} times as often as anybody: too little"
    )
    return [
        f"{len(chosen)} people of the campaign: nobody above the cap; they buy {lift:.1f} +- {error:.1f} times as"
        f" often as anybody ({share:.0%} against {everybody:.0%})"
    ]


def keep(ask: Ask, truths: Mapping[str, Any]) -> list[str]:
    """The promise, figure by figure. Errors: AssertionError where it is broken."""
    parts = (keep_eligibility, keep_campaigns, keep_the_floor, keep_price_test, keep_refills, keep_search)
    return [line for part in parts for line in part(ask, truths)]


def extract(ask: Ask) -> list[str]:
    """What a merchant would look at first."""
    [(person,)] = ask("select user_id from buy_again order by score desc, user_id limit 1")
    [(country, attributes)] = ask(f"select country, attributes from users where user_id = '{person}'")
    lines = title(f"What {person} ({country}, {attributes}) bought or looked at last")
    for row in ask(f"""
        select
            events.event_type,
            items.title,
            items.category,
            events.occurred_at
        from person_events as events
        inner join items
            on events.item_id = items.item_id
        where events.user_id = '{person}'
            and events.event_type in ('purchase', 'add_to_cart', 'click', 'view')
        order by
            events.occurred_at desc,
            items.item_id,
            events.event_type
        limit 8
    """):
        lines.append("{:12} {:40.40} {:16.16} on {:%d %B}".format(*row))
    lines += [*title(f"What {person} is recommended, and why"), *first_places(ask, person)]
    lines += title(f"A search for books, in the shop's order and as {person} gets it")
    found = books(ask)
    named = dict(ask("select item_id, title from items"))
    reranked = [item for (item,) in ask(reranked_query(person, found))]
    lines += [f"{named[ours]:44.44} {named[theirs]:44.44}" for ours, theirs in zip(found[:5], reranked, strict=False)]
    lines += title("What would be, if everybody were shown the best-sellers (NDCG of ten places, backtest)")
    for row in ask("""
        select
            policy,
            value,
            standard_error
        from evaluation_metrics
        where fold = 'backtest'
            and generator = 'blend'
            and user_group = 'all'
            and metric = 'ndcg'
            and k = 10
        order by policy
    """):
        lines.append("{:12} {:.3f} ± {:.3f}".format(*row))
    lines += title("Bundles, and how low their price may go")
    for row in ask("""
        select
            first_items.title,
            second_items.title,
            bundles.price,
            bundles.lowest_price
        from bundles
        inner join items as first_items
            on bundles.item_id = first_items.item_id
        inner join items as second_items
            on bundles.bundle_item_id = second_items.item_id
        where bundles.rank = 1
            and bundles.item_id < bundles.bundle_item_id
        order by bundles.score desc, bundles.item_id
        limit 4
    """):
        lines.append("{:36.36} + {:36.36} {:8.2f} {:8.2f}".format(*row))
    lines += title("Due to buy again")
    for row in ask("""
        select
            buy_again.user_id,
            items.title,
            buy_again.usual_gap_days,
            buy_again.last_bought_at
        from buy_again
        inner join items
            on buy_again.item_id = items.item_id
        order by buy_again.score desc, buy_again.user_id
        limit 4
    """):
        lines.append("{} {:44.44} every {:2.0f} days, last on {:%d %B}".format(*row))
    lines += title("The people of the dripper's mailing, and at what hour they get it (UTC)")
    for row in ask("""
        select
            rank,
            user_id,
            send_hour
        from campaign_people
        where campaign_id = 'dripper'
        order by rank
        limit 4
    """):
        lines.append("{:3} {} at {:02}:00".format(*row))
    lines += title("Why offers are declined")
    for row in ask("""
        select
            rule_id,
            concat(field, ' ', operator, ' ', value),
            n_items,
            n_eligible,
            n_declined,
            n_unknown
        from eligibility_declines
        order by rule_id
    """):
        lines.append("{:18} {:22} {:3} items: {:4} eligible, {:4} not, {:4} unknown".format(*row))
    lines += title("The price test: what an arm adds, per customer and product, in the two weeks after")
    for (metric, arm), row in sorted(price_results(ask).items()):
        lines.append("{:8} {:8} {:+.2f} ± {:.2f} ({:+.2f} to {:+.2f}), {:,} people: {}".format(arm, metric, *row[:6]))
    lines += title("The price test: what coffee costs in its arms")
    for row in ask("""
        select
            items.title,
            items.price,
            max(case when item_arms.arm = 'lower' then item_arms.price end),
            max(case when item_arms.arm = 'higher' then item_arms.price end)
        from items
        left join item_arms
            on items.item_id = item_arms.item_id
        where items.category = 'Coffee & Tea'
        group by
            items.item_id,
            items.title,
            items.price
        order by items.item_id
        limit 5
    """):
        shown = ["too low" if price is None else f"{price:.2f}" for price in row[1:]]
        lines.append("{:44.44} {:>8} {:>8} {:>8}".format(row[0], *shown))
    return lines
