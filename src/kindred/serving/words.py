"""Why an item is in a list, as a sentence that a shop can show. Standard library alone.

The sentences are data: the seed reason_texts, or a shop's own table, in each release.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping

# What is said where nothing else is asked for or known; every release has all of it.
ENGLISH = "en"
# {reason: (the sentence with {item} in it or None, the sentence without an item)} of one language.
Texts = Mapping[str, tuple[str | None, str]]
# The code of how a list was made is this and its kind.
OF_LISTS = "list_"


def chosen_language(asked: str, known: Container[str]) -> str:
    """The language that is answered in: a country or script behind the language, as in de-AT, changes nothing."""
    language = re.split("[-_]", asked.strip().lower(), maxsplit=1)[0]
    return language if language in known else ENGLISH


def say(texts: Texts, reason: str, because: str | None) -> str:
    """A reason code in words. because: the title of the item that it is because of; None = there is none.

    A code without a text, such as that of a shop's own generator, is said as it is written.
    """
    named, alone = texts.get(reason) or (None, reason.replace("_", " "))
    return named.replace("{item}", because) if named and because else alone
