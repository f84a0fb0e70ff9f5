"""A shop's own writer of reasons, such as a language model, and the check of what it writes. Standard library alone.

    kindred serve --reason-writer shop.reasons:write

    def write(facts: Facts) -> str: ...

Nothing of this is imported without the option. What the check can see, and what it can't, is said in
docs/explanations.md.
"""

from __future__ import annotations

import importlib
import os
import queue
import re
import sys
import threading
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

MAX_LENGTH = 200
# What an answer waits for all of its sentences together; one that comes later is there for the next answer.
SECONDS = 0.05
N_THREADS = 4
# Sentences that are kept, and facts that wait for a thread, at most.
N_KEPT, N_WAITING = 10_000, 1_000
# A writer that failed is asked again about the same facts after so many seconds; one that has been at work for so many
# on every thread isn't waited for.
RETRY_SECONDS, STUCK_SECONDS = 60, 10
WRITTEN = "written"
# What may become of a sentence beside WRITTEN; then the template's is shown.
REFUSED = ("not_text", "empty", "too_long", "control", "markup", "link", "number", "quote", "name")
FAILED = ("error", "late", "busy")

WORD = re.compile(r"\w+")
# With thousands apart, or with a decimal part.
NUMBER = re.compile(r"\d+(?:[.,'’ ]\d{3}(?!\d))+(?:[.,]\d+)?|\d+(?:[.,]\d+)*")
CODES = ("eur", "usd", "gbp", "chf", "jpy", "sek", "nok", "dkk", "pln", "czk", "cad", "aud")
CURRENCY = rf"(?:{'|'.join(CODES)}|euros?|dollars?|dólares|pounds?|franken|francs?|libras?)"
MONEY_BEHIND = re.compile(rf"\s?-?\s?(?:[€$£¥₹]|{CURRENCY}\b)", re.IGNORECASE)
MONEY_BEFORE = re.compile(rf"(?:[€$£¥₹]|\b{CURRENCY})\s?$", re.IGNORECASE)
MARKUP = re.compile(r"[<>{}\[\]|\\`*_#~^=]|&#?\w+;")
LINK = re.compile(r"//|www\.|@|\b[\w-]+\.[a-z]{2,}\b", re.IGNORECASE)
QUOTED = re.compile(
    r"“([^”]*)”|„([^“”]*)[“”]|«([^»]*)»|»([^«]*)«|\"([^\"]*)\"|‚([^‘’]*)[‘’]|‘([^’]*)’|(?<!\w)'([^']*)'(?!\w)"
)
# Control characters, those that nobody sees or that turn the order of others, and breaks of lines.
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Languages that write every noun with a capital: there a capital says nothing of names.
CAPITAL_NOUNS = {"de", "lb"}


@dataclass(frozen=True)
class Facts:
    """All that a sentence may say: nothing of the person but the item that it is because of.

    sentence: the template's, in the language. price: in the one currency of the inputs. None = not known.
    """

    language: str
    reason: str
    title: str | None
    category: str | None
    brand: str | None
    price: float | None
    because_title: str | None
    sentence: str

    def texts(self) -> list[str]:
        """What may be repeated word for word."""
        given = (self.title, self.category, self.brand, self.because_title, self.sentence)
        return [composed(text) for text in given if text]


Write = Callable[[Facts], str]


def composed(text: str) -> str:
    """A text whose letters and digits have one form each: ½ is 1⁄2, and wide digits are digits."""
    return unicodedata.normalize("NFKC", text)


def words_of(text: str) -> list[str]:
    return WORD.findall(text)


class Names:
    """The titles and brands of a catalogue, as numbers that take little memory.

    A name of one word is met where the text writes it with a capital, as a brand `On` would be met in every sentence;
    other names are met in any case.
    """

    def __init__(self, names: Iterable[str]):
        self.any_case: set[int] = set()
        self.with_capital: set[int] = set()
        self.longest = 0
        for name in names:
            words = words_of(composed(name))
            if words:
                is_single = len(words) == 1 and words[0] != words[0].lower()
                (self.with_capital if is_single else self.any_case).add(hash(" ".join(words).casefold()))
                self.longest = max(self.longest, len(words))

    def found(self, text: str) -> Iterator[str]:
        """The names in a text, in small letters and without a genitive's s."""
        words = words_of(text)
        for start, word in enumerate(words):
            has_capital = word != word.lower()
            for end in range(start + 1, min(len(words), start + self.longest) + 1):
                name = " ".join(words[start:end]).casefold()
                for form in (name, name.removesuffix("s")):
                    is_met = hash(form) in self.any_case
                    if is_met or (end == start + 1 and has_capital and hash(form) in self.with_capital):
                        yield form


def readings(number: str) -> set[Decimal]:
    """What a number as it is written may mean: 1.299 is 1299 or 1.299, 1.299,00 is 1299."""
    parts = re.split("[.,'’ ]", number)
    found = set()
    if len(parts) == 1 or all(len(part) == 3 for part in parts[1:]):
        found.add(Decimal("".join(parts)))
    if len(parts) > 1 and number[-len(parts[-1]) - 1] in ".,":
        found.add(Decimal("".join(parts[:-1]) + "." + parts[-1]))
    return found


def without_facts(text: str, known: Sequence[str]) -> str:
    """The text without what it repeats of the facts word for word."""
    for one in sorted(known, key=len, reverse=True):
        text = text.replace(one, " ") if len(one) > 2 else text
    return text


def says_other_numbers(text: str, facts: Facts, known: Sequence[str]) -> bool:
    """Whether a number is in no fact, or one beside a currency isn't the price."""
    price = set() if facts.price is None else {Decimal(str(round(facts.price, 2)))}
    rest = without_facts(text, known)
    for found in NUMBER.finditer(rest):
        if MONEY_BEHIND.match(rest, found.end()) or MONEY_BEFORE.search(rest[: found.start()]):
            if not readings(found[0]) & price:
                return True
    allowed = price.union(*(readings(number) for one in known for number in NUMBER.findall(one)))
    return any(not readings(number) & allowed for number in NUMBER.findall(text))


def says_other_names(text: str, facts: Facts, known: Sequence[str], names: Names) -> bool:
    """Whether the text has a name of the catalogue, or a word with a capital, that isn't in a fact."""
    phrases = [f" {' '.join(words_of(one)).casefold()} " for one in known]
    if any(not any(f" {name} " in phrase for phrase in phrases) for name in names.found(text)):
        return True
    if facts.language in CAPITAL_NOUNS:
        return False
    allowed = {word for phrase in phrases for word in phrase.split()} | {"i", *CODES}
    for found in WORD.finditer(text):
        word = found[0]
        before = text[: found.start()].rstrip()
        # A sentence begins with a capital, whatever the word is.
        told = word[1:] if not before or before[-1] in ".!?…" else word
        if told != told.lower() and word.casefold() not in allowed:
            return True
    return False


def check(text: Any, facts: Facts, names: Names) -> str | None:
    """Why a text isn't shown, of REFUSED; None = it may be. It sees what docs/explanations.md says, and no more."""
    if not isinstance(text, str):
        return "not_text"
    if not text.strip():
        return "empty"
    if len(text.strip()) > MAX_LENGTH:
        return "too_long"
    if any(unicodedata.category(letter) in UNSEEN for letter in text.strip()):
        return "control"
    text, known = composed(text), facts.texts()
    rest = without_facts(text, known)
    if MARKUP.search(rest):
        return "markup"
    if LINK.search(rest):
        return "link"
    if says_other_numbers(text, facts, known):
        return "number"
    folded = [one.casefold() for one in known]
    quoted = ("".join(parts).strip().casefold() for parts in QUOTED.findall(text))
    if not all(any(part in one for one in folded) for part in quoted):
        return "quote"
    return "name" if says_other_names(text, facts, known, names) else None


def load(place: str) -> Write:
    """The function that module:function names; modules in the working directory are found too.

    Errors: RuntimeError where there is none.
    """
    module, colon, name = place.partition(":")
    if not (module and colon and name):
        raise RuntimeError(f"--reason-writer is {place!r}: write module:function, such as shop.reasons:write")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise RuntimeError(f"--reason-writer is {place!r}, which can't be had: {error}") from error
    if not callable(found):
        raise RuntimeError(f"--reason-writer is {place!r}, and that is no function")
    write: Write = found
    return write


@dataclass
class Answer:
    """What became of facts. text: as the writer gave it, None where it failed. release_id: that of the check."""

    text: Any
    outcome: str
    release_id: str
    at: float


@dataclass
class Job:
    """Facts that wait for a thread. text: what was written before and has to be checked again, None = nothing was.

    until: when who asked first stops waiting. Nobody waits longer, so that a function that hangs is waited for once.
    """

    facts: Facts
    release_id: str
    names: Callable[[], Names]
    text: Any
    until: float
    done: threading.Event = field(default_factory=threading.Event)


class Writer:
    """Asks a shop's function for sentences, on threads of its own, and keeps what was good by its facts.

    A function that hangs costs a thread, which ends with the process. After a new release what was written is checked
    again, with its catalogue.
    """

    def __init__(self, write: Write, seconds: float = SECONDS, n_threads: int = N_THREADS):
        self.write, self.seconds, self.n_threads = write, seconds, n_threads
        self.lock = threading.Lock()
        self.kept: OrderedDict[Facts, Answer] = OrderedDict()
        self.pending: dict[Facts, Job] = {}
        self.waiting: queue.Queue[Job] = queue.Queue(N_WAITING)
        self.working: dict[int, float] = {}
        self.n_started = 0
        self.names_lock = threading.Lock()
        self.names: tuple[str, Names] | None = None

    def sentences(self, asked: Sequence[Facts], release_id: str, names: Callable[[], Names]) -> list[tuple[str, str]]:
        """(The sentence, what became of the writer's: WRITTEN, or one of REFUSED or FAILED) of each, in time.

        names: makes the names of the release's catalogue; it is called on a thread.
        """
        until = time.monotonic() + self.seconds
        jobs = {facts: self.submit(facts, release_id, names, until) for facts in asked}
        for job in jobs.values():
            if job:
                job.done.wait(max(0.0, job.until - time.monotonic()))
        found = []
        with self.lock:
            for facts in asked:
                answer = self.kept.get(facts)
                is_there = answer is not None and answer.release_id == release_id
                outcome = answer.outcome if answer and is_there else "late" if jobs[facts] or answer else "busy"
                good = answer and outcome == WRITTEN
                found.append((composed(answer.text).strip() if answer and good else facts.sentence, outcome))
        return found

    def submit(self, facts: Facts, release_id: str, names: Callable[[], Names], until: float) -> Job | None:
        """The job that answers; None where an answer is kept or none can be had."""
        with self.lock:
            kept = self.kept.get(facts)
            if kept:
                self.kept.move_to_end(facts)
                is_fresh = kept.outcome != "error" or time.monotonic() - kept.at < RETRY_SECONDS
                if kept.release_id == release_id and is_fresh:
                    return None
            if facts in self.pending:
                return self.pending[facts]
            if self.is_stuck():
                return None
            job = Job(facts, release_id, names, kept.text if kept else None, until)
            try:
                self.waiting.put_nowait(job)
            except queue.Full:
                return None
            self.pending[facts] = job
            if self.n_started < self.n_threads:
                self.n_started += 1
                threading.Thread(target=self.work, name="kindred-reasons", daemon=True).start()
            return job

    def is_stuck(self) -> bool:
        now = time.monotonic()
        times = list(self.working.values())
        return len(times) == self.n_threads and all(now - began > STUCK_SECONDS for began in times)

    def work(self) -> None:
        thread = threading.get_ident()
        while True:
            job = self.waiting.get()
            with self.lock:
                self.working[thread] = time.monotonic()
            try:
                answer = self.answer(job)
            except BaseException:  # a writer that ends its thread would end all of them in time
                answer = Answer(None, "error", job.release_id, time.monotonic())
            with self.lock:
                del self.working[thread]
                self.pending.pop(job.facts, None)
                self.kept[job.facts] = answer
                while len(self.kept) > N_KEPT:
                    self.kept.popitem(last=False)
            job.done.set()

    def answer(self, job: Job) -> Answer:
        text = self.write(job.facts) if job.text is None else job.text
        outcome = check(text, job.facts, self.names_of(job)) or WRITTEN
        return Answer(None if outcome == "too_long" else text, outcome, job.release_id, time.monotonic())

    def names_of(self, job: Job) -> Names:
        """Those of the release: made once, while the other threads wait for them."""
        with self.names_lock:
            if self.names is None or self.names[0] != job.release_id:
                self.names = job.release_id, job.names()
            return self.names[1]
