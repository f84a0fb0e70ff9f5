"""Reads releases: the lists of persons, lists made at the moment of a request, item pages. Standard library alone.

    from kindred.serving import Store

    store = Store("kindred_serving")
    store.recommend("u0042", session=["i007", "i031"], n=10)

A release is one SQLite file that is never written again. The store follows the link `current.sqlite`; where that names
nothing that can be read it goes on with what it served before. It reads without mmap: a file that is cut off under a
reader then is an error that can be met, not a signal that ends the process.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, TypeVar, cast

from kindred.ids import normal_id, normal_text
from kindred.publishing.tables import TABLES, create_table
from kindred.serving.arms import HOLDOUT, Arms, Assignment, ItemArms, context_of
from kindred.serving.words import ENGLISH, OF_LISTS, Texts, chosen_language, say

if TYPE_CHECKING:
    from kindred.search import Searcher
    from kindred.serving.reason_writer import Writer

PERSON, RECOMMEND, FILL_UP = (
    (Path(__file__).parent / name).read_text(encoding="utf-8")
    for name in ("person.sql", "recommend.sql", "fill_up.sql")
)
RECOMMEND, FILL_UP = f"{PERSON}\n{RECOMMEND}", f"{PERSON}\n{FILL_UP}"
# The columns of both statements; the facts come last.
COLUMNS = ("item_id", "score", "generator", "because_item_id", "propensity")
FACT_COLUMNS = ("title", "category", "brand", "price", "because_title")
FACTS = """
select item_id, title, category, brand, price, is_available, is_recommendable, eligibility
from items where item_id in (select value from json_each(?))
"""
# What fills the list of a person who is held out: what everybody likes, under the filters of the request.
POPULAR = """
select item_id from items
where popular_rank > 0
    and is_recommendable
    and (is_available or not :in_stock)
    and (:categories is null or category in (select value from json_each(:categories)))
    and (:price_min is null or price >= :price_min)
    and (:price_max is null or price <= :price_max)
    and item_id not in (select value from json_each(:exclude))
    and eligibility = ''
order by popular_rank, item_id
limit :n + 0
"""
# The second part of a list_id: what kind of a list of `recommend` it is.
LIST_KINDS = {"p": "person", "m": "adapted", "s": "session", "h": HOLDOUT, "f": "fallback"}
# Without these a file is no release. What else a release of an earlier version lacks, tables and columns, is filled in.
REQUIRED = {"lists", "items", "neighbors", "segments", "release"}
FILLED_IN = {"neighbors": "'{}'", "is_available": "1", "is_recommendable": "1", "case_insensitive_ids": "1"}
FILLED_IN |= {
    "policy": "'main'",
    "is_by_item": "0",
    "eligibility": "''",
    "eligible_for": "'[]'",
    "has_eligibility": "0",
}
FILLED_IN |= dict.fromkeys(("items", "history", "excluded", "excluded_if_unknown", "fallback", "trending"), "'[]'")
FILLED_IN |= dict.fromkeys(("similar_items", "bundles"), "'[]'")
# What releases of before version 0.1.0 were made with and don't say.
OLD_TABLES = {
    "generators": "select source as generator, reason from sources",
    "session_settings": "select 5 as n_steps, 25 as n_neighbors, 0.7 as decay, 0.7 as session_share, 0.3 as list_share,"
    " 1 as case_insensitive_ids, 0 as has_eligibility",
}
MADE = {name: create_table(name, columns, " without rowid").lower() for name, columns in TABLES.items()}
RELEASE_ID = re.compile(r"\d{8}T\d{6}-[\w-]{1,64}", flags=re.ASCII)
# A link that names no good release is looked at again after so many seconds, a file that failed while it was read after
# so many: what was damaged may have been mended, and a disk's error may pass.
RETRY_SECONDS = 1
MENDED_SECONDS = 30
# Releases that a thread keeps open beside the current one, for those who page through an older one.
N_KEPT_OPEN = 2
DAMAGED_CODES = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR}


class NoRelease(RuntimeError):
    """There is nothing that could be served."""


class ReleaseGone(LookupError):
    """The release that was asked for is not kept any more, or never was."""


class DamagedRelease(RuntimeError):
    """A file that is missing or is no whole release."""


Row = dict[str, Any]
T = TypeVar("T")


class Release(TypedDict):
    """The release that an answer is of; times are UTC."""

    release_id: str
    run_id: str
    as_of: str
    generated_at: str
    expires_at: str
    n_lists: int
    n_items: int


class Item(TypedDict):
    """What is shown of an item; all but the id is None where nothing is known of it."""

    item_id: str
    title: str | None
    category: str | None
    brand: str | None
    price: float | None


class RankedItem(TypedDict):
    """An item of a list. The last five are there where with_facts was asked for.

    score falls within one generator alone. propensity: the chance that the item had to stand at this place.
    """

    rank: int
    item_id: str
    score: float | None
    generator: str
    reason: str
    because_item_id: str | None
    propensity: float
    title: NotRequired[str | None]
    category: NotRequired[str | None]
    brand: NotRequired[str | None]
    price: NotRequired[float | None]
    because_title: NotRequired[str | None]


class BundledItem(RankedItem):
    """An item that is bought together with another; prices and margins are those of the two."""

    lift: float
    set_price: float | None
    set_margin: float | None
    support: float


class ItemList(TypedDict):
    """A list. unknown_categories: those of the filter that the catalogue lacks; left out where there are none.

    policy: the policy that made the list, main where there are no experiments; holdout = nothing personal is in it.
    """

    list_id: str
    release_id: str
    policy: str
    items: list[RankedItem]
    unknown_categories: NotRequired[list[str]]


class ActingRule(TypedDict):
    """A rule that put an item where it stands. action: boost, bury or pin."""

    rule_id: str
    action: str


class ExplainedItem(RankedItem):
    """An item of a list, with its facts. words: the reason as a sentence that a shop can show."""

    words: str
    rules: list[ActingRule]


class Explanation(TypedDict):
    """A list, and why it is as it is.

    kind: person (the published list), adapted (that list, filtered or filled up), session, holdout, or fallback (that
    of everyone or a segment). experiments: the arms of experiments on lists in which the person is, by experiment_id.
    language: of all words, en where the release lacks the one that was asked for. writer: how many sentences of the
    shop's own writer became what; left out without one.
    """

    list_id: str
    release_id: str
    policy: str
    kind: str
    language: str
    words: str
    experiments: dict[str, Assignment]
    items: list[ExplainedItem]
    writer: NotRequired[dict[str, int]]
    unknown_categories: NotRequired[list[str]]


class BundleList(TypedDict):
    """As ItemList."""

    list_id: str
    release_id: str
    policy: str
    items: list[BundledItem]
    unknown_categories: NotRequired[list[str]]


class FoundItem(Item):
    """An item that answers a search.

    words: those of the query that it has, as the catalogue spells them; cosine: of the query's meaning and the item's,
    None = not compared. place_for_person: in the order that `rerank` gives, None = it has no score for the person.
    """

    rank: int
    words: list[str]
    cosine: float | None
    place_for_person: int | None


class SearchResult(TypedDict):
    """What was found. read_as: {word of the query that no item has: how it was read, [] = left out}.

    method: words, or words_and_meaning; why_words_alone: None where meaning counted.
    """

    list_id: str
    release_id: str
    policy: str
    method: str
    why_words_alone: str | None
    read_as: dict[str, list[str]]
    items: list[FoundItem]


class History(TypedDict):
    """What a person liked, newest first."""

    release_id: str
    items: list[Item]


class Person(TypedDict):
    """segment: '' where it isn't known."""

    user_id: str
    segment: str


class People(TypedDict):
    release_id: str
    people: list[Person]


class Categories(TypedDict):
    release_id: str
    categories: list[str]


class Assignments(TypedDict):
    """unit: the id by which the release has the person, by which keys are made."""

    release_id: str
    unit: str | None
    experiments: dict[str, Assignment]


@dataclass(frozen=True)
class Filters:
    """What may be in a list. categories: None = all; case and blanks around a name don't matter.

    Prices include the bounds; an item without a price meets none.
    """

    categories: tuple[str, ...] | None = None
    price_min: float | None = None
    price_max: float | None = None
    in_stock: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.categories, str):
            raise TypeError(f"categories is a tuple of names, not one text: ({self.categories!r},)")

    def fit(self, facts: Mapping[str, Any] | sqlite3.Row) -> bool:
        """Whether an item may be shown; the categories are spelt as in the catalogue."""
        return bool(
            facts["is_recommendable"]
            and (facts["is_available"] or not self.in_stock)
            and (self.categories is None or facts["category"] in self.categories)
            and (self.price_min is None or (facts["price"] is not None and facts["price"] >= self.price_min))
            and (self.price_max is None or (facts["price"] is not None and facts["price"] <= self.price_max))
        )


EVERYTHING = Filters()


def normal(category: str) -> str:
    """The form in which names of categories are compared."""
    return (normal_text(category) or "").lower()


class Reader:
    """One release in one thread. Raises DamagedRelease where the file isn't a whole release."""

    def __init__(self, path: Path):
        self.path = path
        self.name = str(path)
        self.spellings: dict[str, list[str]] | None = None
        self.languages: dict[str, dict[str, tuple[str | None, str]]] | None = None
        try:
            with open(path, "rb") as file:
                header = file.read(100)
                state = os.fstat(file.fileno())
            self.inode, size = state.st_ino, state.st_size
            page_size = int.from_bytes(header[16:18], "big")
            page_size = 65536 if page_size == 1 else page_size
            if header[:16] != b"SQLite format 3\0" or size != page_size * int.from_bytes(header[28:32], "big"):
                raise DamagedRelease(f"{path} is cut off or no SQLite file")
            self.connection: Any = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
            try:
                self.connection.row_factory = sqlite3.Row
                self.connection.execute("pragma cache_size = -16384")
                self.connection.execute("pragma temp_store = memory")
                made = self.connection.execute("select name, sql from sqlite_master where type = 'table'")
                found = {row["name"]: row["sql"] for row in made}
                row = self.connection.execute("select * from release").fetchone() if found.keys() >= REQUIRED else None
                if row is None or row["release_id"] != path.stem:
                    raise DamagedRelease(f"{path} lacks tables or the row of its release")
                self.release = cast(Release, {name: dict(row).get(name) for name in Release.__annotations__})
                self.fill_in(found)
                rows = self.connection.execute("select generator, reason from generators").fetchall()
                self.reasons: dict[str, str] = {"session": "your_session"} | dict(rows)
                row = self.connection.execute("select * from session_settings").fetchone()
                if row is None:
                    raise DamagedRelease(f"{path} lacks the settings of session lists")
                weights = [round(row["decay"] ** step, 12) for step in range(row["n_steps"])]
                self.session_settings = {"weights": json.dumps(weights)}
                self.session_settings |= {name: row[name] for name in ("session_share", "list_share")}
                self.ignores_case = bool(row["case_insensitive_ids"])
                # Without conditions on items no list needs to look at them.
                self.has_eligibility = bool(row["has_eligibility"])
                self.arms = Arms(self.connection.execute("select * from arms order by from_key, arm_id").fetchall())
                # Without experiments nothing but these is looked at.
                self.has_arms = bool(self.arms.holdouts or self.arms.others)
                self.has_holdouts = bool(self.arms.holdouts)
            except BaseException:
                self.connection.close()
                raise
        except (OSError, sqlite3.Error, IndexError) as error:
            raise DamagedRelease(f"{path} can't be read: {error}") from error

    def fill_in(self, found: Mapping[str, str]) -> None:
        """Let a release of an earlier version look like one of this: views stand for what it lacks."""
        for table, columns in TABLES.items():
            key = next(iter(columns))
            # As publication makes it.
            if (found.get(table) or "").lower() == MADE[table]:
                continue
            if table in found:
                has = {row["name"] for row in self.connection.execute(f"pragma table_info({table})")}
                if has >= {*columns}:
                    continue
                shown = [name if name in has else f"{FILLED_IN.get(name, 'null')} as {name}" for name in columns]
                select = f"select {', '.join(shown)} from main.{table}"
            elif table == "generators" and "sources" not in found:
                select = "select null as generator, null as reason where false"
            else:
                nothing = f"select {', '.join(f'null as {name}' for name in columns)} where false"
                select = OLD_TABLES.get(table, nothing)
            self.connection.execute(f"create temp view {table} as {select}")
            self.connection.execute(f"select {key} from {table} limit 1")

    def is_replaced(self) -> bool:
        """Whether another file stands in its place, from which people were withdrawn. One that is gone is read on."""
        try:
            return os.stat(self.name).st_ino != self.inode
        except OSError:
            return False

    def id(self, text: str | None) -> str | None:
        """An id of a request in the form that the release has it in."""
        return None if text is None else normal_id(text, self.ignores_case)

    def person_id(self, text: str | None) -> str | None:
        """The id by which the release has the person whom any of their ids names; that id itself where it has none."""
        own = self.id(text)
        row = self.row("identities", "identity_id", own) if own else None
        return row["user_id"] if row else own

    def person(self, user_id: str | None) -> Any:
        """The row of `lists` of the person whom an id names. Most ask by the id that it has."""
        own = self.id(user_id)
        row = self.row("lists", "user_id", own)
        if row is None and own:
            person_id = self.person_id(own)
            row = self.row("lists", "user_id", person_id) if person_id != own else None
        return row

    def is_held_out(self, user_id: str | None, row: Any) -> bool:
        """Whether a person gets nothing personal. row: of `lists`, where the build has decided it."""
        if row is not None:
            return bool(row["policy"] == HOLDOUT)
        own = self.person_id(user_id)
        return own is not None and self.arms.is_held_out(own, time.time())

    def context(self, user_id: str | None) -> str:
        """The context of a person, by the id in lists; '' where nothing is known or no shares differ by context."""
        row = self.row("lists", "user_id", user_id) if user_id and self.arms.has_contexts else None
        return context_of(row["segment"], row["activity"]) if row else ""

    def item_arms(self, item_id: str | None) -> ItemArms:
        """What `item_arms` has of an item; nothing where no experiment has arms for it."""
        row = self.row("item_arms", "item_id", item_id) if item_id and self.arms.has_items else None
        return cast(ItemArms, json.loads(row["arms"])) if row else ()

    def ids(self, texts: Iterable[str]) -> list[str]:
        return [own for own in map(self.id, texts) if own is not None]

    def row(self, table: str, key: str, value: str | None) -> Any:
        return self.connection.execute(f"select * from {table} where {key} = ?", [value]).fetchone()

    def facts(self, item_ids: Iterable[str]) -> dict[str, sqlite3.Row]:
        """{item_id: its row of FACTS} of the items that are known."""
        item_ids = list(item_ids)
        if not item_ids:
            return {}
        return {row["item_id"]: row for row in self.connection.execute(FACTS, [json.dumps(item_ids)])}

    def categories(self) -> dict[str, list[str]]:
        """{normal form: how the catalogue spells it}."""
        if self.spellings is None:
            self.spellings = {}
            names = self.connection.execute("select distinct category from items where category is not null")
            for (name,) in names.fetchall():
                self.spellings.setdefault(normal(name), []).append(name)
        return self.spellings

    def texts(self, asked: str) -> tuple[str, Texts]:
        """(The language that is answered in, its sentences); none in a release of before it had any."""
        if self.languages is None:
            self.languages = {}
            for row in self.connection.execute("select language, reason, text_with_item, text_alone from reason_texts"):
                self.languages.setdefault(row[0], {})[row[1]] = row[2], row[3]
        language = chosen_language(asked, self.languages)
        return language, self.languages.get(language, {})

    def names(self) -> Iterable[str]:
        """The titles and brands of the catalogue."""
        found = self.connection.execute("select title from items union select brand from items")
        return (name for (name,) in found if name)

    def resolve(self, filters: Filters) -> tuple[Filters, list[str]]:
        """(The filters with categories spelt as in the catalogue, those that it doesn't have)."""
        if filters.categories is None:
            return filters, []
        known = self.categories()
        spelt = [name for category in filters.categories for name in known.get(normal(category), [])]
        unknown = [category for category in filters.categories if normal(category) not in known]
        return replace(filters, categories=tuple(dict.fromkeys(spelt))), unknown


@dataclass(frozen=True)
class Request:
    """Who asks, and what is known of it: ids and the segment in the form that the release has them in."""

    user_id: str | None
    segment: str | None
    session: list[str]
    exclude: list[str]

    @classmethod
    def of(
        cls,
        reader: Reader,
        user_id: str | None,
        segment: str | None,
        session: Iterable[str] = (),
        exclude: Iterable[str] = (),
    ) -> Request:
        own_segment = normal_text(segment) if segment else None
        return cls(reader.person_id(user_id), own_segment, reader.ids(session), reader.ids(exclude))


class Store:
    """Lists from the releases in a serving folder, for any number of threads.

    Every method takes release_id: None = what is current. Answers are dicts with list_id, release_id and items, a list
    of dicts by rank. Raises NoRelease where nothing was published, ReleaseGone where release_id isn't kept.
    writer: writes the sentences of `explain`; None = they are those of the release.
    """

    def __init__(self, folder: str | Path, writer: Writer | None = None):
        self.folder = Path(folder)
        self.writer = writer
        self.link = self.folder / "current.sqlite"
        self.lock = threading.Lock()
        self.local = threading.local()
        self.searcher: Searcher | None = None
        self.damaged: dict[Path, float] = {}  # releases that failed while they were read, and when
        self.current: Path | None = None  # the path that is served
        self.target: str | None = None  # what the link said when that was chosen
        self.refused: tuple[str | None, float] = (
            None,
            0.0,
        )  # what the link says that can't be served, and when that was found

    # Which release

    def follow(self) -> Path:
        """The path of the release to serve: the link's, or else the one served so far, or else the newest good one."""
        target: str | None
        try:
            target = os.readlink(self.link)
        except OSError:
            target = None
        if self.current and target == self.target:
            return self.current
        refused, since = self.refused
        if self.current and target == refused and time.monotonic() - since < RETRY_SECONDS:
            return self.current
        with self.lock:
            linked = [self.folder / target] if target else []
            path = self.first_good(linked)
            if path:
                self.current, self.target = path, target
            else:
                self.refused = (target, time.monotonic())
                self.current = self.current or self.newest_good()
            if not self.current:
                raise NoRelease(
                    f"no release can be read in {self.folder}: run `dbt build` until releases has published "
                    "one, or name the folder where it did (KINDRED_SERVING_PATH)"
                )
            return self.current

    def first_good(self, paths: Iterable[Path]) -> Path | None:
        for path in paths:
            if time.monotonic() - self.damaged.get(path, -MENDED_SECONDS) >= MENDED_SECONDS:
                with contextlib.suppress(DamagedRelease):
                    Reader(path).connection.close()
                    return path
        return None

    def newest_good(self) -> Path | None:
        return self.first_good(sorted((self.folder / "releases").glob("*.sqlite"), reverse=True))

    def give_up(self, path: Path) -> None:
        """Serve something else than a file that turned out to be damaged."""
        with self.lock:
            self.damaged[path] = time.monotonic()
            self.readers().pop(path, None)
            if self.current == path:
                self.current, self.target = self.newest_good(), None

    def readers(self) -> dict[Path, Reader]:
        if not hasattr(self.local, "readers"):
            self.local.readers = {}
        return cast(dict[Path, Reader], self.local.readers)

    def reader(self, path: Path) -> Reader:
        readers = self.readers()
        reader = readers.pop(path, None)
        if reader and reader.is_replaced():
            reader.connection.close()
            reader = None
        reader = reader or Reader(path)
        readers[path] = reader  # the one used last stands last
        while len(readers) > 1 + N_KEPT_OPEN:
            readers.pop(next(iter(readers))).connection.close()
        return reader

    def read(self, release_id: str | None, question: Callable[[Reader], T]) -> T:
        """question(reader) on a release, and again on another one where a file turns out to be damaged."""
        if release_id is not None and not RELEASE_ID.fullmatch(release_id):
            raise ReleaseGone(f"{release_id!r} is not the id of a release; /release tells the current one")
        while True:
            path = self.folder / "releases" / f"{release_id}.sqlite" if release_id else self.follow()
            try:
                return question(self.reader(path))
            except DamagedRelease:
                pass
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in DAMAGED_CODES:
                    raise
            self.give_up(path)
            if release_id:
                raise ReleaseGone(f"release {release_id} is not kept any more: begin again without it")

    # Questions

    def release(self, release_id: str | None = None) -> Release:
        """The release that is served."""
        return self.read(release_id, lambda reader: reader.release)

    def history(self, user_id: str, release_id: str | None = None) -> History:
        """What a person liked, newest first, at most 10; no items for a person who isn't known."""

        def question(reader: Reader) -> History:
            row = reader.person(user_id)
            item_ids = json.loads(row["history"]) if row else []
            facts = reader.facts(item_ids)
            items = [cast(Item, {"item_id": item_id} | shown(facts.get(item_id))) for item_id in item_ids]
            return {"release_id": reader.release["release_id"], "items": items}

        return self.read(release_id, question)

    def recommend(
        self,
        user_id: str | None = None,
        session: Sequence[str] = (),
        n: int = 20,
        filters: Filters = EVERYTHING,
        exclude: Sequence[str] = (),
        segment: str | None = None,
        offset: int = 0,
        with_facts: bool = False,
        release_id: str | None = None,
    ) -> ItemList:
        """The list of a person or a session: n items wherever the catalogue has them under the filters.

        user_id: any id of the person, a device's too. session: item ids, oldest first. exclude: item ids that must not
        be shown. segment: where the person has none. offset: ranks to leave out. with_facts: title, category, brand and
        price of the items too.
        """
        if isinstance(session, str) or isinstance(exclude, str):
            raise TypeError("session and exclude are lists of item ids, not one text")

        def question(reader: Reader) -> ItemList:
            fitting_filters, unknown = reader.resolve(filters)
            # What was published for the person is one row: nothing has to be computed where nothing else was asked.
            row: Any = None if session and not reader.has_arms else reader.person(user_id)
            is_held_out = reader.has_holdouts and reader.is_held_out(user_id, row)
            # A session is personal.
            items = json.loads(row["items"]) if row and (is_held_out or not session) else []
            is_plain = (filters is EVERYTHING or filters == EVERYTHING) and not exclude and len(items) >= offset + n
            # Who is in no segment is asked about as one of this segment, whose rules then count.
            is_plain = is_plain and (is_held_out or row["segment"] or not segment)
            if is_plain:
                rows = published_rows(reader, items[: offset + n])
                list_id = row["list_id"]
            elif is_held_out:
                rows = self.for_everyone(reader, items, offset + n, fitting_filters, reader.ids(exclude))
                list_id = new_list_id(reader, "h")
            else:
                asked = Request.of(reader, user_id, segment, session, exclude)
                rows, n_own = self.compute(reader, asked, offset + n, fitting_filters, with_facts)
                # A session's list; else a person's, filtered or lengthened; else that of a visitor who isn't known.
                list_id = new_list_id(reader, "s" if session else "m" if n_own else "f")
            policy = HOLDOUT if is_held_out else row["policy"] if row else "main"
            return cast(ItemList, answer(reader, list_id, rows, offset, with_facts, unknown, policy))

        return self.read(release_id, question)

    def explain(
        self,
        user_id: str | None = None,
        session: Sequence[str] = (),
        n: int = 20,
        filters: Filters = EVERYTHING,
        exclude: Sequence[str] = (),
        segment: str | None = None,
        offset: int = 0,
        release_id: str | None = None,
        language: str = ENGLISH,
    ) -> Explanation:
        """The list that `recommend` gives, and why it is as it is, from the release alone.

        A release of before rules were kept in it names none. language: of the words, such as de or de-AT.
        """
        found = self.recommend(user_id, session, n, filters, exclude, segment, offset, True, release_id)
        letter = "".join(found["list_id"].split("-")[1:2])
        kind = HOLDOUT if found["policy"] == HOLDOUT else LIST_KINDS.get(letter, "person")

        def question(reader: Reader) -> Explanation:
            rules = rules_by_item(reader, user_id)
            own_language, texts = reader.texts(language)
            items = [
                cast(ExplainedItem, item)
                | {
                    "words": say(texts, item["reason"], item["because_title"] or item["because_item_id"]),
                    # Of the visit's items none stands where a rule put it.
                    "rules": rules.get(item["item_id"], []) if item["generator"] != "session" else [],
                }
                for item in found["items"]
            ]
            arms: dict[str, Assignment] = {}
            if reader.has_arms:
                own = reader.person_id(user_id)
                arms = reader.arms.assign(own, None, reader.context(own), time.time())
            experiments = {name: arm for name, arm in arms.items() if is_of_list(arm, found["policy"])}
            explained = {**found, "kind": kind, "language": own_language, "words": say(texts, OF_LISTS + kind, None)}
            return cast(Explanation, explained | {"experiments": experiments, "items": items})

        explained = self.read(found["release_id"], question)
        return explained if self.writer is None else self.written(explained, self.writer)

    def written(self, explained: Explanation, writer: Writer) -> Explanation:
        """The same in the words of the shop's writer, where it had some in time that pass the check."""
        from kindred.serving.reason_writer import Facts, Names

        facts = [
            Facts(
                explained["language"],
                item["reason"],
                item["title"],
                item["category"],
                item["brand"],
                item["price"],
                item["because_title"] or item["because_item_id"],
                item["words"],
            )
            for item in explained["items"]
        ]
        release_id = explained["release_id"]
        names = lambda: self.read(release_id, lambda reader: Names(reader.names()))  # noqa: E731
        outcomes: dict[str, int] = {}
        for item, (sentence, outcome) in zip(
            explained["items"], writer.sentences(facts, release_id, names), strict=True
        ):
            item["words"] = sentence
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
        return cast(Explanation, {**explained, "writer": outcomes})

    @staticmethod
    def for_everyone(
        reader: Reader, published: Sequence[Any], n: int, filters: Filters, exclude: Sequence[str]
    ) -> list[Row]:
        """At most n rows of what a person is shown who is held out: the list for everyone, then popular items."""
        everyone = reader.row("segments", "segment", "")
        entries = [*published, *([*entry, None] for entry in json.loads(everyone["fallback"] if everyone else "[]"))]
        # An item counts where it comes first.
        first = list({entry[0]: entry for entry in reversed(entries)}.values())[::-1]
        chosen = fitting(reader, first, filters, exclude)[:n]
        if len(chosen) < n:
            parameters: Row = {
                "in_stock": filters.in_stock,
                "categories": None if filters.categories is None else json.dumps(list(filters.categories)),
                "price_min": filters.price_min,
                "price_max": filters.price_max,
                "exclude": json.dumps([*exclude, *(entry[0] for entry in chosen)]),
                "n": n - len(chosen),
            }
            found = reader.connection.execute(POPULAR, parameters)
            chosen += [[item_id, 0.0, "popular", None] for (item_id,) in found]
        return published_rows(reader, chosen)

    def assign(
        self,
        unit: str | None,
        context: str | None = None,
        experiment_id: str | None = None,
        item_id: str | None = None,
        release_id: str | None = None,
    ) -> dict[str, Assignment]:
        """{experiment_id: the arm} of the experiments that a person is in now; experiment_id: of this one alone.

        unit: any id of the person, a device's too; None = nobody, whose items alone are assigned. item_id: of
        experiments whose unit is an item, or a person and an item, and for prices, creatives and offers the arms that
        this item may be in. context: the one whose shares count; None = that of the person, as the release has it. The
        same unit gets the same arm as long as shares and salts stay.
        """
        return self.assignments(unit, context, experiment_id, item_id, release_id)["experiments"]

    def assignments(
        self,
        unit: str | None,
        context: str | None = None,
        experiment_id: str | None = None,
        item_id: str | None = None,
        release_id: str | None = None,
    ) -> Assignments:
        """As `assign`, with the release and the id that the arms were found by."""

        def question(reader: Reader) -> Assignments:
            user_id, item = (reader.person_id(unit), reader.id(item_id)) if reader.has_arms else (unit, item_id)
            own_context = reader.context(user_id) if context is None else context
            experiments = reader.arms.assign(
                user_id, item, own_context, time.time(), experiment_id, reader.item_arms(item)
            )
            return {"release_id": reader.release["release_id"], "unit": user_id, "experiments": experiments}

        return self.read(release_id, question)

    @staticmethod
    def compute(
        reader: Reader,
        asked: Request,
        n: int,
        filters: Filters,
        with_facts: bool,
        only: Sequence[str] | None = None,
    ) -> tuple[list[Row], int]:
        """(At most n rows, how many of them are by what is known of the session or the person.)"""
        parameters: Row = reader.session_settings | {
            "user_id": asked.user_id,
            "segment": asked.segment,
            # Newest first; an item that was clicked again counts where it was clicked last.
            "session": json.dumps(list(dict.fromkeys(reversed(asked.session)))),
            "exclude": json.dumps(asked.exclude),
            "categories": None if filters.categories is None else json.dumps(list(filters.categories)),
            "price_min": filters.price_min,
            "price_max": filters.price_max,
            "in_stock": filters.in_stock,
            "only": None if only is None else json.dumps(list(only)),
            "is_filtered": filters != EVERYTHING or only is not None or reader.has_eligibility,
            "n": n,
            "with_facts": with_facts,
        }
        columns = (*COLUMNS, *FACT_COLUMNS) if with_facts else COLUMNS
        found = reader.connection.execute(RECOMMEND, parameters).fetchall()
        n_own = len(found)
        if len(found) < n:
            parameters["exclude"] = json.dumps([*asked.exclude, *(row[0] for row in found)])
            parameters["n"] = n - len(found)
            # The given items keep their order where nothing but popularity could tell them apart.
            parameters["n_popular"] = parameters["n"] if only is None else 0
            rest = reader.connection.execute(FILL_UP, parameters).fetchall()
            n_own += sum(row["tier"] == 2 for row in rest)
            found += rest
        return with_reasons(reader, columns, found), n_own

    def rerank(
        self,
        user_id: str | None,
        items: Sequence[str],
        session: Sequence[str] = (),
        segment: str | None = None,
        with_facts: bool = False,
        release_id: str | None = None,
    ) -> ItemList:
        """The given items in the order in which recommend would show them; the rest behind, as they were given.

        Behind stand, with score 0 and generator `as_given`, items without a score and what rules or the person's
        history exclude. Items that the person isn't eligible for are left out.
        """

        return self.read(release_id, lambda reader: self.in_order(reader, user_id, items, session, segment, with_facts))

    def in_order(
        self,
        reader: Reader,
        user_id: str | None,
        items: Sequence[str],
        session: Sequence[str],
        segment: str | None,
        with_facts: bool,
    ) -> ItemList:
        """What `rerank` answers from one release."""
        row: Any = reader.person(user_id) if reader.has_arms else None
        is_held_out = reader.has_holdouts and reader.is_held_out(user_id, row)
        asked = Request.of(reader, user_id, segment, session)
        # The answer spells ids as the app does; of two spellings of one item the first.
        given = {reader.id(item) or item: item for item in reversed(items)}
        own = list(dict.fromkeys(reader.id(item) or item for item in items))
        if reader.has_eligibility:
            # What a person isn't eligible for is left out, not put behind; a person who is held out gets no more.
            eligible = frozenset() if is_held_out else eligible_for(reader, asked.user_id)
            facts = reader.facts(own)
            own = [item for item in own if item not in facts or facts[item]["eligibility"] in ("", *eligible)]
        nothing = {"score": 0.0, "generator": "as_given", "reason": "as_given", "because_item_id": None}
        if is_held_out:
            # What nobody may be shown stands behind.
            may = [entry[0] for entry in fitting(reader, [[item] for item in own], EVERYTHING, ())]
            rows = [{"item_id": item, "propensity": 1.0} | nothing for item in may]
        else:
            rows, _ = self.compute(reader, asked, len(own), EVERYTHING, with_facts, only=own)
        placed = {item["item_id"] for item in rows}
        rows += [{"item_id": item, "propensity": 1.0} | nothing for item in own if item not in placed]
        policy = HOLDOUT if is_held_out else row["policy"] if row else "main"
        found = answer(reader, new_list_id(reader, "r"), rows, 0, with_facts, policy=policy)
        for item in found["items"]:
            item["item_id"] = given[item["item_id"]]
        return cast(ItemList, found)

    def search(self, query: str, user_id: str | None = None, n: int = 10, segment: str | None = None) -> SearchResult:
        """At most n items that have the query's words, or are near it in meaning, with a person's taste.

        An item that a rule excludes for the segment isn't found, nor one whose conditions the person doesn't meet.
        What a person bought is found, without a place of its own. The first search of a release reads all its texts;
        whatever needs more than the standard library is imported here. Errors: ImportError without numpy.
        """
        from kindred import search as searching

        with self.lock:
            searcher = self.searcher = self.searcher or searching.Searcher()

        def question(reader: Reader) -> SearchResult:
            catalogue = searcher.catalogue(reader.release["release_id"], reader.connection)
            row: Any = reader.person(user_id) if user_id is not None else None
            is_held_out = reader.has_holdouts and reader.is_held_out(user_id, row)
            asked = Request.of(reader, user_id, segment)
            # A person who is held out gets what a visitor gets.
            eligible = frozenset() if is_held_out else eligible_for(reader, asked.user_id)
            may = catalogue.index.shown_to(eligible, excluded_by_rules(reader, asked, row))
            vector = searcher.vector(catalogue, query)
            found, read_as = searching.search(catalogue.index, query, vector, may)
            # The words may be those of the release before: whether an item may be shown, this one says.
            fit = fitting(reader, [[one.item_id] for one in found], EVERYTHING, (), eligible)
            kept = {item_id for (item_id,) in fit}
            found = [one for one in found if one.item_id in kept]
            policy = HOLDOUT if is_held_out else row["policy"] if row else "main"
            if user_id is not None and found:
                own = self.in_order(reader, user_id, [one.item_id for one in found], (), segment, False)
                found = searching.for_person(found, own["items"])
            facts = reader.facts(one.item_id for one in found[:n])
            items = [
                {"rank": rank, "item_id": one.item_id}
                | shown(facts.get(one.item_id))
                | {"words": one.words, "cosine": None if one.cosine is None else round(one.cosine, 4)}
                | {"place_for_person": one.place_for_person}
                for rank, one in enumerate(found[:n], start=1)
            ]
            return {
                "list_id": new_list_id(reader, "q"),
                "release_id": reader.release["release_id"],
                "policy": policy,
                "method": "words" if vector is None else "words_and_meaning",
                "why_words_alone": catalogue.why_words_alone,
                "read_as": read_as,
                "items": cast(list[FoundItem], items),
            }

        return self.read(None, question)

    def similar_items(
        self,
        item_id: str,
        n: int = 20,
        filters: Filters = EVERYTHING,
        exclude: Sequence[str] = (),
        with_facts: bool = False,
        release_id: str | None = None,
        user_id: str | None = None,
        segment: str | None = None,
    ) -> ItemList:
        """What is like an item; filled up with what a session of this item alone would get. Never shorter than that.

        user_id, segment: for whom; what they may not be shown is left out.
        """

        def question(reader: Reader) -> ItemList:
            fitting_filters, unknown = reader.resolve(filters)
            asked = Request.of(reader, user_id, segment, [item_id], exclude)
            page = reader.row("item_pages", "item_id", reader.id(item_id))
            entries = json.loads(page["similar_items"]) if page else []
            kept_away = [*asked.exclude, *excluded_for(reader, asked)]
            rows = [
                {"item_id": item, "score": score, "generator": generator, "reason": "similar_to_this"}
                | {"because_item_id": reader.id(item_id), "propensity": 1.0}
                for item, score, generator in fitting(
                    reader, entries, fitting_filters, kept_away, eligible_for(reader, asked.user_id)
                )
            ][:n]
            if len(rows) < n:
                alone = Request(None, None, asked.session, [*kept_away, *(row["item_id"] for row in rows)])
                rows += self.compute(reader, alone, n - len(rows), fitting_filters, with_facts)[0]
            return cast(ItemList, answer(reader, new_list_id(reader, "i"), rows, 0, with_facts, unknown))

        return self.read(release_id, question)

    def bundles(
        self,
        item_id: str,
        n: int = 20,
        filters: Filters = EVERYTHING,
        exclude: Sequence[str] = (),
        with_facts: bool = False,
        release_id: str | None = None,
        user_id: str | None = None,
        segment: str | None = None,
    ) -> BundleList:
        """What is bought together with an item; no items where nothing is.

        user_id, segment: for whom; what they may not be shown is left out.
        """

        def question(reader: Reader) -> BundleList:
            fitting_filters, unknown = reader.resolve(filters)
            asked = Request.of(reader, user_id, segment, [item_id], exclude)
            page = reader.row("item_pages", "item_id", reader.id(item_id))
            entries = json.loads(page["bundles"]) if page else []
            kept_away = [*asked.exclude, *excluded_for(reader, asked)]
            rows = [
                {"item_id": item, "score": lift, "generator": "bundles", "reason": "bought_together"}
                | {"because_item_id": reader.id(item_id), "propensity": 1.0}
                | {"lift": lift, "set_price": price, "set_margin": margin, "support": support}
                for item, lift, price, margin, support in fitting(
                    reader, entries, fitting_filters, kept_away, eligible_for(reader, asked.user_id)
                )
            ]
            return cast(BundleList, answer(reader, new_list_id(reader, "b"), rows[:n], 0, with_facts, unknown))

        return self.read(release_id, question)

    def trending(
        self,
        segment: str | None = None,
        n: int = 20,
        filters: Filters = EVERYTHING,
        exclude: Sequence[str] = (),
        with_facts: bool = False,
        release_id: str | None = None,
    ) -> ItemList:
        """What is rising in a segment, or for everyone where nothing is known of the segment; may have no items."""

        def question(reader: Reader) -> ItemList:
            fitting_filters, unknown = reader.resolve(filters)
            asked = Request.of(reader, None, segment, (), exclude)
            entries: list[Any] = []
            for name in (asked.segment or "", ""):
                row = reader.row("segments", "segment", name)
                entries = entries or json.loads(row["trending"] if row else "[]")
            kept_away = [*asked.exclude, *excluded_for(reader, asked)]
            rows = [
                {"item_id": item, "score": score, "generator": "trending", "reason": "trending"}
                | {"because_item_id": None, "propensity": 1.0}
                for item, score in fitting(reader, entries, fitting_filters, kept_away)
            ]
            return cast(ItemList, answer(reader, new_list_id(reader, "t"), rows[:n], 0, with_facts, unknown))

        return self.read(release_id, question)

    def categories(self, release_id: str | None = None) -> Categories:
        """The names of the catalogue's categories, as a filter may give them."""

        def question(reader: Reader) -> Categories:
            names = sorted(name for spellings in reader.categories().values() for name in spellings)
            return {"release_id": reader.release["release_id"], "categories": names}

        return self.read(release_id, question)

    def people(self, n: int = 20, release_id: str | None = None) -> People:
        """n people spread over all who have a list, for a demonstration."""

        def question(reader: Reader) -> People:
            step = max(1, (reader.release["n_lists"] or 0) // n)
            rows = reader.connection.execute(
                "select user_id, segment from (select user_id, segment, row_number() over (order by user_id) as place"
                " from lists limit 10000) where place % ? = 0 limit ?",
                [min(step, max(1, 10000 // n)), n],
            )
            return {"release_id": reader.release["release_id"], "people": [cast(Person, dict(row)) for row in rows]}

        return self.read(release_id, question)


def published_rows(reader: Reader, entries: Iterable[Sequence[Any]]) -> list[Row]:
    """The entries of a published list with their ranks, as with_reasons gives them: faster, for what is asked most.

    An entry of a release of before version 0.1.0 has no propensity.
    """
    reasons = reader.reasons
    return [
        {"rank": rank, "item_id": item_id, "score": score, "generator": generator, "because_item_id": because_item_id}
        | {"propensity": propensity[0] if propensity else 1.0, "reason": reasons.get(generator, generator)}
        for rank, (item_id, score, generator, because_item_id, *propensity) in enumerate(entries, start=1)
    ]


def with_reasons(reader: Reader, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[Row]:
    """The rows as dicts of these columns, the first of theirs, and of the reason that belongs to their generator."""
    found = [dict(zip(columns, row, strict=False)) for row in rows]
    for row in found:
        row["reason"] = reader.reasons.get(row["generator"], row["generator"])
    return found


def rules_by_item(reader: Reader, user_id: str | None) -> dict[str, list[ActingRule]]:
    """{item_id: the rules that put it where it stands in the published list of the person whom an id names}."""
    row = reader.person(user_id)
    acted = reader.row("list_rules", "user_id", row["user_id"]) if row else None
    found: dict[str, list[ActingRule]] = {}
    if acted:
        item_ids = [entry[0] for entry in json.loads(row["items"])]
        for rule_id, action, ranks in json.loads(acted["rules"]):
            for rank in ranks.split():
                found.setdefault(item_ids[int(rank) - 1], []).append({"rule_id": rule_id, "action": action})
    return found


def is_of_list(arm: Assignment, policy: str) -> bool:
    """Whether an arm says how a list of this policy came about; an arm that changed since the build doesn't."""
    if arm["kind"] == "lists":
        return (arm["policy"] or "main") == policy
    return arm["kind"] == HOLDOUT or (arm["kind"] == "interleaving" and policy == "interleaved")


def new_list_id(reader: Reader, kind: str) -> str:
    return f"{reader.release['run_id'][:8]}-{kind}-{secrets.token_hex(8)}"


def excluded_for(reader: Reader, asked: Request) -> list[str]:
    """The items that a person, or a visitor of a segment, may not be shown."""
    person = reader.row("lists", "user_id", asked.user_id) if asked.user_id else None
    return [*(json.loads(person["excluded"]) if person else []), *excluded_by_rules(reader, asked, person)]


def excluded_by_rules(reader: Reader, asked: Request, person: Any) -> list[str]:
    """Those of them that a rule for everyone, for a segment or for who isn't known excludes.

    person: the row of lists, None = not known; a person's own segment comes first. Rules for a person's activity stand
    with the person's own history in `lists`.
    """
    own = (person["segment"] if person else None) or asked.segment or ""
    rows = {name: reader.row("segments", "segment", name) for name in {own, ""}}
    texts = [rows[own]["excluded"]] if rows[own] else []
    texts += [] if person else [row["excluded_if_unknown"] for row in rows.values() if row]
    return [item for text in texts for item in json.loads(text)]


def eligible_for(reader: Reader, user_id: str | None) -> frozenset[str]:
    """The sets of conditions that a person meets: none of whom nothing is known. user_id: the id in lists."""
    row = reader.row("lists", "user_id", user_id) if user_id and reader.has_eligibility else None
    return frozenset(json.loads(row["eligible_for"])) if row else frozenset()


def fitting(
    reader: Reader,
    entries: list[Any],
    filters: Filters,
    exclude: Sequence[str],
    eligible: frozenset[str] = frozenset(),
) -> list[Any]:
    """The entries, whose first value is an item_id, that may be shown to who meets these sets of conditions."""
    if not entries:
        return []
    facts = reader.facts(entry[0] for entry in entries)
    return [
        entry
        for entry in entries
        if entry[0] not in exclude
        and entry[0] in facts
        and filters.fit(facts[entry[0]])
        and facts[entry[0]]["eligibility"] in ("", *eligible)
    ]


def shown(facts: Mapping[str, Any] | sqlite3.Row | None) -> Row:
    """What is shown of an item; None for each where nothing is known of it."""
    return {name: facts[name] if facts else None for name in ("title", "category", "brand", "price")}


def answer(
    reader: Reader,
    list_id: str,
    rows: list[Row],
    offset: int,
    with_facts: bool,
    unknown: Sequence[str] = (),
    policy: str = "main",
) -> Row:
    rows = rows[offset:]
    if with_facts:
        # Those that the statement has computed have theirs.
        bare = [row for row in rows if "title" not in row]
        facts = reader.facts({row[name] for row in bare for name in ("item_id", "because_item_id")} - {None})
        for row in bare:
            because = facts.get(row["because_item_id"])
            row |= shown(facts.get(row["item_id"])) | {"because_title": because["title"] if because else None}
    is_ranked = bool(rows) and "rank" in rows[0]
    items = rows if is_ranked else [{"rank": rank} | row for rank, row in enumerate(rows, start=offset + 1)]
    found: Row = {"list_id": list_id, "release_id": reader.release["release_id"], "policy": policy, "items": items}
    return found | {"unknown_categories": list(unknown)} if unknown else found
