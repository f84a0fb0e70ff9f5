"""Reads releases: the lists of persons, lists made at the moment of a request, item pages. Standard library alone.

    store = Store("kindred_serving")
    store.recommend("u0042", session=["i007", "i031"], n=10)

A release is one SQLite file that is never written again. The store follows the link `current.sqlite`; where that names
nothing that can be read it goes on with what it served before. It reads without mmap: a file that is cut off under a
reader then is an error that can be met, not a signal that ends the process.
"""

import contextlib
import json
import os
import re
import secrets
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path

PERSON, RECOMMEND, FILL_UP = (
    (Path(__file__).parent / name).read_text(encoding="utf-8")
    for name in ("person.sql", "recommend.sql", "fill_up.sql")
)
RECOMMEND, FILL_UP = PERSON + RECOMMEND, PERSON + FILL_UP
# The columns of both statements; the facts come last.
COLUMNS = ("item_id", "score", "source", "because_item_id", "propensity")
FACT_COLUMNS = ("title", "category", "brand", "price", "because_title")
FACTS = """
select item_id, title, category, brand, price, is_available, is_recommendable
from items where item_id in (select value from json_each(?))
"""
TABLES = {"lists", "items", "neighbors", "item_pages", "segments", "sources", "release"}
RELEASE_ID = re.compile(r"\d{8}T\d{6}-[\w-]{1,64}", flags=re.ASCII)
# A link that names no good release is looked at again after so many seconds, a file that failed while it was read after
# so many: what was damaged may have been mended, and a disk's error may pass.
RETRY_SECONDS = 1
MENDED_SECONDS = 30
# Releases that a thread keeps open beside the current one, for whoever pages through an older one.
N_KEPT_OPEN = 2
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR}


class NoRelease(RuntimeError):
    """There is nothing that could be served."""


class ReleaseGone(LookupError):
    """The release that was asked for is not kept any more, or never was."""


class DamagedRelease(RuntimeError):
    """A file that is missing or is no whole release."""


@dataclass(frozen=True)
class Filters:
    """What may be in a list. categories: None = all. Prices include the bounds; an item without a price meets none."""

    categories: tuple[str, ...] | None = None
    price_min: float | None = None
    price_max: float | None = None
    in_stock: bool = True

    def fit(self, facts):
        return (
            facts["is_recommendable"]
            and (facts["is_available"] or not self.in_stock)
            and (self.categories is None or facts["category"] in self.categories)
            and (self.price_min is None or (facts["price"] is not None and facts["price"] >= self.price_min))
            and (self.price_max is None or (facts["price"] is not None and facts["price"] <= self.price_max))
        )


EVERYTHING = Filters()


class Reader:
    """One release in one thread. Raises DamagedRelease where the file isn't a whole release."""

    def __init__(self, path):
        self.path = path
        try:
            with open(path, "rb") as file:
                header = file.read(100)
                size = os.fstat(file.fileno()).st_size
            page_size = int.from_bytes(header[16:18], "big")
            page_size = 65536 if page_size == 1 else page_size
            if header[:16] != b"SQLite format 3\0" or size != page_size * int.from_bytes(header[28:32], "big"):
                raise DamagedRelease(f"{path} is cut off or no SQLite file")
            self.connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
            try:
                self.connection.row_factory = sqlite3.Row
                self.connection.execute("pragma cache_size = -16384")
                self.connection.execute("pragma temp_store = memory")
                tables = {row[0] for row in self.connection.execute("select name from sqlite_master")}
                row = self.connection.execute("select * from release").fetchone() if tables >= TABLES else None
                if row is None or row["release_id"] != path.stem:
                    raise DamagedRelease(f"{path} lacks tables or the row of its release")
                self.release = dict(row)
                reasons = self.connection.execute("select source, reason from sources").fetchall()
                self.reasons = {"session": "your_session"} | dict(reasons)
            except BaseException:
                self.connection.close()
                raise
        except (OSError, sqlite3.Error, IndexError) as error:
            raise DamagedRelease(f"{path} can't be read: {error}") from error

    def row(self, table, key, value):
        return self.connection.execute(f"select * from {table} where {key} = ?", [value]).fetchone()

    def facts(self, item_ids):
        """{item_id: its row of FACTS} of the items that are known."""
        item_ids = list(item_ids)
        if not item_ids:
            return {}
        return {row["item_id"]: row for row in self.connection.execute(FACTS, [json.dumps(item_ids)])}


class Store:
    """Lists from the releases in a serving folder, for any number of threads.

    Every method takes release_id: None = what is current. Answers are dicts with list_id, release_id and items, a list
    of dicts by rank. Raises NoRelease where nothing was published, ReleaseGone where release_id isn't kept.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.link = self.folder / "current.sqlite"
        self.lock = threading.Lock()
        self.local = threading.local()
        self.damaged = {}  # releases that failed while they were read, and when
        self.current = None  # the path that is served
        self.target = None  # what the link said when that was chosen
        self.refused = (None, 0.0)  # what the link says that can't be served, and when that was found

    # Which release

    def follow(self):
        """The path of the release to serve: the link's, or else the one served so far, or else the newest good one."""
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

    def first_good(self, paths):
        for path in paths:
            if time.monotonic() - self.damaged.get(path, -MENDED_SECONDS) >= MENDED_SECONDS:
                with contextlib.suppress(DamagedRelease):
                    Reader(path).connection.close()
                    return path
        return None

    def newest_good(self):
        return self.first_good(sorted((self.folder / "releases").glob("*.sqlite"), reverse=True))

    def give_up(self, path):
        """Serve something else than a file that turned out to be damaged."""
        with self.lock:
            self.damaged[path] = time.monotonic()
            self.readers().pop(path, None)
            if self.current == path:
                self.current, self.target = self.newest_good(), None

    def readers(self):
        if not hasattr(self.local, "readers"):
            self.local.readers = {}
        return self.local.readers

    def reader(self, path):
        readers = self.readers()
        reader = readers.pop(path, None) or Reader(path)
        readers[path] = reader  # the one used last stands last
        while len(readers) > 1 + N_KEPT_OPEN:
            readers.pop(next(iter(readers))).connection.close()
        return reader

    def read(self, release_id, question):
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
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in DAMAGED:
                    raise
            self.give_up(path)
            if release_id:
                raise ReleaseGone(f"release {release_id} is not kept any more: begin again without it")

    # Questions

    def release(self, release_id=None):
        """The row of the release as a dict: release_id, run_id, as_of, generated_at, expires_at, n_lists, n_items."""
        return self.read(release_id, lambda reader: reader.release)

    def history(self, user_id, release_id=None):
        """What a person liked, newest first, at most 10: items [{item_id, title, ...}], [] for whoever isn't known."""

        def question(reader):
            row = reader.row("lists", "user_id", user_id)
            item_ids = json.loads(row["history"]) if row else []
            facts = reader.facts(item_ids)
            items = [{"item_id": item_id} | shown(facts.get(item_id)) for item_id in item_ids]
            return {"release_id": reader.release["release_id"], "items": items}

        return self.read(release_id, question)

    def recommend(
        self,
        user_id=None,
        session=(),
        n=20,
        filters=EVERYTHING,
        exclude=(),
        segment=None,
        offset=0,
        with_facts=False,
        release_id=None,
    ):
        """The list of a person or a session: n items wherever the catalogue has them under the filters.

        session: item ids, oldest first. exclude: item ids not to be shown. segment: for whoever has none of their own.
        offset: ranks to leave out. with_facts: title, category, brand and price of the items too.
        """
        if isinstance(session, str) or isinstance(exclude, str):
            raise TypeError("session and exclude are lists of item ids, not one text")

        def question(reader):
            # What was published for the person is one row: nothing has to be computed where nothing else was asked.
            row = None if session else reader.row("lists", "user_id", user_id)
            items = json.loads(row["items"]) if row else []
            is_plain = filters == EVERYTHING and not exclude and len(items) >= offset + n
            # Who is in no segment is asked about as one of this segment, whose rules then count.
            is_plain = is_plain and (row["segment"] or not segment)
            if is_plain:
                rows = with_reasons(reader, COLUMNS, items[: offset + n])
                list_id = row["list_id"]
            else:
                rows, n_own = self.compute(reader, user_id, session, offset + n, filters, exclude, segment, with_facts)
                # A session's list; else a person's, filtered or lengthened; else that of whoever isn't known.
                list_id = new_list_id(reader, "s" if session else "m" if n_own else "f")
            return answer(reader, list_id, rows, offset, with_facts)

        return self.read(release_id, question)

    @staticmethod
    def compute(reader, user_id, session, n, filters, exclude, segment, with_facts, only=None):
        """(At most n rows, how many of them are by what is known of the session or the person.)"""
        parameters = {
            "user_id": user_id,
            "segment": segment,
            # Newest first; an item that was clicked again counts where it was clicked last.
            "session": json.dumps(list(dict.fromkeys(reversed([*session])))),
            "exclude": json.dumps(list(exclude)),
            "categories": None if filters.categories is None else json.dumps(list(filters.categories)),
            "price_min": filters.price_min,
            "price_max": filters.price_max,
            "in_stock": filters.in_stock,
            "only": None if only is None else json.dumps(list(only)),
            "is_filtered": filters != EVERYTHING or only is not None,
            "n": n,
            "with_facts": with_facts,
        }
        columns = (*COLUMNS, *FACT_COLUMNS) if with_facts else COLUMNS
        found = reader.connection.execute(RECOMMEND, parameters).fetchall()
        n_own = len(found)
        if len(found) < n:
            parameters["exclude"] = json.dumps([*exclude, *(row[0] for row in found)])
            parameters["n"] = n - len(found)
            # The given items keep their order where nothing but popularity could tell them apart.
            parameters["n_popular"] = parameters["n"] if only is None else 0
            rest = reader.connection.execute(FILL_UP, parameters).fetchall()
            n_own += sum(row["tier"] == 2 for row in rest)
            found += rest
        return with_reasons(reader, columns, found), n_own

    def rerank(self, user_id, items, session=(), segment=None, with_facts=False, release_id=None):
        """The given items in the order in which recommend would show them; the rest behind, as they were given.

        Behind stand, with score 0 and source `as_given`, what nothing speaks for and what the person mustn't be shown.
        """
        items = list(dict.fromkeys(items))

        def question(reader):
            rows, _ = self.compute(
                reader, user_id, session, len(items), EVERYTHING, (), segment, with_facts, only=items
            )
            placed = {row["item_id"] for row in rows}
            nothing = {"score": 0.0, "source": "as_given", "reason": "as_given", "because_item_id": None}
            rows += [{"item_id": item, "propensity": 1.0} | nothing for item in items if item not in placed]
            return answer(reader, new_list_id(reader, "r"), rows, 0, with_facts)

        return self.read(release_id, question)

    def similar_items(
        self,
        item_id,
        n=20,
        filters=EVERYTHING,
        exclude=(),
        with_facts=False,
        release_id=None,
        user_id=None,
        segment=None,
    ):
        """What is like an item; filled up with what a session of this item alone would get. Never shorter than that.

        user_id, segment: for whom; what they may not be shown is left out.
        """

        def question(reader):
            page = reader.row("item_pages", "item_id", item_id)
            entries = json.loads(page["similar_items"]) if page else []
            kept_away = [*exclude, *excluded_for(reader, user_id, segment)]
            rows = [
                {"item_id": item, "score": score, "source": source, "reason": "similar_to_this"}
                | {"because_item_id": item_id, "propensity": 1.0}
                for item, score, source in fitting(reader, entries, filters, kept_away)
            ][:n]
            if len(rows) < n:
                shown = [*kept_away, *(row["item_id"] for row in rows)]
                n_missing = n - len(rows)
                rows += self.compute(reader, None, [item_id], n_missing, filters, shown, None, with_facts)[0]
            return answer(reader, new_list_id(reader, "i"), rows, 0, with_facts)

        return self.read(release_id, question)

    def bundles(
        self,
        item_id,
        n=20,
        filters=EVERYTHING,
        exclude=(),
        with_facts=False,
        release_id=None,
        user_id=None,
        segment=None,
    ):
        """What is bought together with an item, [] where nothing is: with lift, set_price, set_margin and support.

        user_id, segment: for whom; what they may not be shown is left out.
        """

        def question(reader):
            page = reader.row("item_pages", "item_id", item_id)
            entries = json.loads(page["bundles"]) if page else []
            kept_away = [*exclude, *excluded_for(reader, user_id, segment)]
            rows = [
                {"item_id": item, "score": lift, "source": "bundles", "reason": "bought_together"}
                | {"because_item_id": item_id, "propensity": 1.0}
                | {"lift": lift, "set_price": price, "set_margin": margin, "support": support}
                for item, lift, price, margin, support in fitting(reader, entries, filters, kept_away)
            ]
            return answer(reader, new_list_id(reader, "b"), rows[:n], 0, with_facts)

        return self.read(release_id, question)

    def trending(self, segment=None, n=20, filters=EVERYTHING, exclude=(), with_facts=False, release_id=None):
        """What is rising in a segment, or for everyone where nothing is known of the segment; may be []."""

        def question(reader):
            entries = []
            for name in (segment or "", ""):
                row = reader.row("segments", "segment", name)
                entries = entries or json.loads(row["trending"] if row else "[]")
            kept_away = [*exclude, *excluded_for(reader, None, segment)]
            rows = [
                {"item_id": item, "score": score, "source": "trending", "reason": "trending"}
                | {"because_item_id": None, "propensity": 1.0}
                for item, score in fitting(reader, entries, filters, kept_away)
            ]
            return answer(reader, new_list_id(reader, "t"), rows[:n], 0, with_facts)

        return self.read(release_id, question)

    def people(self, n=20, release_id=None):
        """n persons spread over all who have a list, for a demonstration: people [{user_id, segment}]."""

        def question(reader):
            step = max(1, reader.release["n_lists"] // n)
            rows = reader.connection.execute(
                "select user_id, segment from (select user_id, segment, row_number() over (order by user_id) as place"
                " from lists limit 10000) where place % ? = 0 limit ?",
                [min(step, max(1, 10000 // n)), n],
            )
            return {"release_id": reader.release["release_id"], "people": [dict(row) for row in rows]}

        return self.read(release_id, question)


def with_reasons(reader, columns, rows):
    """The rows as dicts of these columns, the first of theirs, and of the reason that belongs to their source."""
    found = [dict(zip(columns, row, strict=False)) for row in rows]
    for row in found:
        row["reason"] = reader.reasons.get(row["source"], row["source"])
    return found


def new_list_id(reader, kind):
    return f"{reader.release['run_id'][:8]}-{kind}-{secrets.token_hex(8)}"


def excluded_for(reader, user_id, segment):
    """The items that a person, or whoever is of a segment, may not be shown; a person's own segment comes first."""
    person = reader.row("lists", "user_id", user_id) if user_id else None
    own = (person["segment"] if person else None) or segment or ""
    texts = [person["excluded"]] if person else []
    rows = {name: reader.row("segments", "segment", name) for name in {own, ""}}
    texts += [rows[own]["excluded"]] if rows[own] else []
    texts += [] if person else [row["excluded_if_unknown"] for row in rows.values() if row]
    return [item for text in texts for item in json.loads(text)]


def fitting(reader, entries, filters, exclude):
    """The entries, whose first value is an item_id, that may be shown."""
    if not entries:
        return []
    facts = reader.facts(entry[0] for entry in entries)
    return [
        entry for entry in entries if entry[0] not in exclude and entry[0] in facts and filters.fit(facts[entry[0]])
    ]


def shown(facts):
    """What is shown of an item; None for each where nothing is known of it."""
    return {name: facts[name] if facts else None for name in ("title", "category", "brand", "price")}


def answer(reader, list_id, rows, offset, with_facts):
    rows = rows[offset:]
    if with_facts:
        # Those that the statement has computed have theirs.
        bare = [row for row in rows if "title" not in row]
        facts = reader.facts({row[name] for row in bare for name in ("item_id", "because_item_id")} - {None})
        for row in bare:
            because = facts.get(row["because_item_id"])
            row |= shown(facts.get(row["item_id"])) | {"because_title": because["title"] if because else None}
    items = [{"rank": rank} | row for rank, row in enumerate(rows, start=offset + 1)]
    return {"list_id": list_id, "release_id": reader.release["release_id"], "items": items}
