"""The normal form of ids and words, as the macros normal_id, normal_text and normal_word have it in the warehouse.

A service that looks up an id which an app sends has to bring it into the form of the tables first.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

# Zero-width joiners carry meaning in words of some scripts; in an id they are dropped like all that nobody sees.
_JOINERS = "\u200c\u200d"
_PLAIN = re.compile(r"[!-?A-~]+")
_WHOLE_NUMBER = re.compile(r"(-?[0-9]+)[.]0+")


def _clean(text: str, keep: str) -> str:
    blanks = "".join(" " if one in "\t\n\v\f\r" or unicodedata.category(one)[0] == "Z" else one for one in text)
    seen = "".join(one for one in blanks if one in keep or unicodedata.category(one) not in ("Cc", "Cf"))
    return unicodedata.normalize("NFC", seen).strip(" ")


def _without_decimals(text: str) -> str:
    number = _WHOLE_NUMBER.fullmatch(text)
    return number[1] if number else text


def normal_id(text: str, case_insensitive: bool = True) -> str | None:
    """The normal form of an id; None where nothing is left of it.

    case_insensitive: kindred__identity: {case_insensitive_ids}: e-mail addresses are in lower case.
    """
    if _PLAIN.fullmatch(text) and ".0" not in text:
        return text
    cleaned = _clean(text, keep="")
    if case_insensitive and "@" in cleaned:
        return cleaned.lower() or None
    return _without_decimals(cleaned) or None


def normal_text(text: str) -> str | None:
    """The normal form of a name that is shown and compared: a category, a brand, a segment."""
    return _without_decimals(_clean(text, keep=_JOINERS)) or None


def normal_word(text: str) -> str | None:
    """The normal form of a word that kindred knows: 'Add to-cart ' is add_to_cart."""
    return _clean(text, keep=_JOINERS).lower().replace(" ", "_").replace("-", "_") or None


def id_hash(key: str, identity_id: str) -> str:
    """The keyed hash of an id in normal form, as forgotten_ids has it (the macro id_hash): 64 hexadecimal digits."""
    return hashlib.sha256((key + identity_id).encode()).hexdigest()
