"""Why an item is in a list, as a sentence that a shop can show. Standard library alone."""

from __future__ import annotations

# {reason: (with the title of the item that it is because of, without one)}
SENTENCES = {
    "your_session": ("because you just looked at {}", "goes with what you look at now"),
    "your_history": ("because you liked {}", "from what you liked before"),
    "recent_interest": ("follows {}", "follows what you looked at last"),
    "similar_content": ("much like {}", "like things that you liked"),
    "similar_to_this": ("much like {}", "much like this"),
    "bought_together": ("often bought together with {}", "often bought together with this"),
    "seen_before": ("you had a look at it before", "you had a look at it before"),
    "buy_again": ("time to buy it again", "time to buy it again"),
    "your_preferences": ("from the tastes that you told us", "from the tastes that you told us"),
    "popular_in_segment": ("popular with people like you", "popular with people like you"),
    "trending_in_segment": ("on the rise with people like you", "on the rise with people like you"),
    "popular": ("popular with everyone", "popular with everyone"),
    "trending": ("on the rise", "on the rise"),
    "pinned": ("picked by the shop", "picked by the shop"),
    "exploration": ("something different, to learn what you like", "something different, to learn what you like"),
    "as_given": ("in the order given", "in the order given"),
}


# {kind of a list: how it was made}
KINDS = {
    "person": "made for this person at the last build, from what they looked at, bought and told the shop",
    "adapted": "the person's list, filtered or filled up for this request",
    "session": "made at the moment of the request from the items of the visit and the person's list, if there is one",
    "holdout": "the list for everyone: the person is held out of personal lists",
    "fallback": "the list for everyone or a segment: nothing of this person is in the release",
}


def say(reason: str, because: str | None) -> str:
    """A reason code in words. because: the title of the item that it is because of; None = there is none.

    A code of a generator of the shop's own is said as it is written.
    """
    named, alone = SENTENCES.get(reason, (reason.replace("_", " "),) * 2)
    return named.format(because) if because else alone
