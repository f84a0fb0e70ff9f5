"""The world of the recipe media: a streaming service's catalogue, viewers, shown titles and plays.

Planted are tastes; clickbait, which everybody opens and hardly anybody watches; which thumbnails viewers of a country
like; a title that some viewers are shown on every visit of the last fortnight and never open; and earlier episodes that
are watched again. In that fortnight a shelf is filled at random, so that it is known how probable each of its titles
was. The same rows on every run.
"""

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.serving.arms import unit_key
from recipes.run import World

START, RANDOM_FROM, END = datetime(2026, 3, 1), datetime(2026, 5, 18), datetime(2026, 6, 1)
N_VIEWERS, N_FILMS, N_SERIES = 450, 160, 20
SEASONS = (4, 3)  # episodes of each
GENRES = {
    "Crime": "Harbour Verdict Witness Alibi Ransom",
    "Comedy": "Wedding Roommates Detour Karaoke Landlord",
    "Drama": "Inheritance Winter Orchard Daughters Letters",
    "Documentary": "Glaciers Bakers Rivers Stadium Archive",
    "Science Fiction": "Orbit Colony Signal Drift Machine",
    "Romance": "Summer Promise Lighthouse Waltz Airport",
    "Family": "Fox Treehouse Dragons Camp Submarine",
    "Thriller": "Tunnel Passenger Blackout Border Hunter",
}
COLOURS = "Silent Crimson Broken Golden Hidden Second Northern Paper Final Little Distant Electric".split()
SHARE_OF_CLICKBAIT = 1 / 6
N_TASTES = 2

# The probability that a viewer opens a title that is shown, and how far it is then watched: (to the end, about half).
OPENS = {"clickbait": 0.22, "taste": 0.25, "other": 0.06}
WATCHES = {"clickbait": (0.05, 0.10), "taste": (0.65, 0.20), "other": (0.25, 0.20)}
# Parts of what is left of the title that are watched: to the end, about half, next to nothing.
PARTS = ((0.95, 1.0), (0.4, 0.8), (0.02, 0.15))
FINISHED, HALF = 0.9, 0.35  # of a title's length, as dbt_project.yml has it
CONTINUED_DAYS, N_CONTINUED = 30, 10
OPENS_AGAIN = 0.5  # what is left of that probability after each time that hardly anything was watched
RESUMES, RESUMES_FROM, PLAYS_NEXT = 0.5, 0.3, 0.6
WATCHES_AGAIN = 0.08  # on a visit, an episode of a series of which at least one was finished

N_PLACES = 5  # of the shelf "for you" and of the shelf that is filled at random
THUMBNAILS = ("face", "scene")
LIKED_THUMBNAIL = {"DE": "face", "FR": "scene", "ES": "scene"}
THUMBNAIL_FACTORS = {True: 1.6, False: 0.5}
N_WITH_THUMBNAILS = 24
N_PUSHED = 120  # viewers who are shown one title on every visit of the fortnight, and never open it


@dataclass
class Shown:
    """What can be shown: a film or a series, by its titles (the episodes)."""

    shown_id: str
    name: str
    genre: str
    titles: list[str]
    runtime: int
    is_clickbait: bool
    has_thumbnails: bool = False


@dataclass
class Viewer:
    """A viewer, and what is known of each thing that can be shown: probabilities, and where the viewer stands."""

    viewer_id: str
    country: str
    tastes: set[str]
    pace: float  # days between visits
    opens: np.ndarray
    watches: np.ndarray  # (things, 3)
    n_finished: np.ndarray  # titles
    reached: np.ndarray  # seconds of the title that is next
    arms: dict[int, str]
    pushed: int | None = None
    # title: (second that the newest play reached, its time); and of those that were watched again afterwards
    progress: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    again: dict[str, tuple[int, datetime]] = field(default_factory=dict)


def make_catalogue(rng: np.random.Generator) -> tuple[list[Shown], list[dict[str, Any]]]:
    names = [
        (f"{colour} {noun}", genre)
        for genre, nouns in GENRES.items()
        for colour, noun in product(COLOURS, nouns.split())
    ]
    catalogue, rows = [], []
    chosen = rng.permutation(len(names))[: N_FILMS + N_SERIES]
    with_thumbnails = 0
    for number, (name, genre) in enumerate(names[index] for index in chosen):
        is_clickbait = bool(rng.random() < SHARE_OF_CLICKBAIT)
        is_series = number >= N_FILMS
        episodes = [(s, e) for s, n in enumerate(SEASONS, start=1) for e in range(1, n + 1)] if is_series else [(0, 0)]
        titles = [f"t{len(rows) + offset + 1:03d}" for offset in range(len(episodes))]
        shown_id = f"s{number - N_FILMS + 1:02d}" if is_series else titles[0]
        runtime = int(rng.integers(22, 55) if is_series else rng.integers(80, 130)) * 60
        has_thumbnails = not is_series and not is_clickbait and with_thumbnails < N_WITH_THUMBNAILS
        with_thumbnails += has_thumbnails
        catalogue.append(Shown(shown_id, name, genre, titles, runtime, is_clickbait, has_thumbnails))
        for title_id, (season, episode) in zip(titles, episodes, strict=True):
            row: dict[str, Any] = {"title_id": title_id, "kind": "episode" if is_series else "film", "name": name}
            row |= {"series_id": shown_id if is_series else None, "season": season or None, "episode": episode or None}
            row |= {"genre": genre, "runtime_seconds": runtime}
            rows.append(row | {"thumbnails": "|".join(THUMBNAILS) if has_thumbnails else None})
    return catalogue, rows


def make_viewers(rng: np.random.Generator, catalogue: list[Shown]) -> list[Viewer]:
    viewers = []
    appeal = np.clip(rng.lognormal(0, 0.25, len(catalogue)), 0.5, 1.6)
    for number in range(1, N_VIEWERS + 1):
        viewer_id, country = f"v{number:04d}", str(rng.choice(list(LIKED_THUMBNAIL)))
        tastes = set(map(str, rng.choice(list(GENRES), size=N_TASTES, replace=False)))
        kinds = [
            "clickbait" if shown.is_clickbait else "taste" if shown.genre in tastes else "other" for shown in catalogue
        ]
        ends = np.array([WATCHES[kind] for kind in kinds])
        arms = {
            index: THUMBNAILS[unit_key(f"thumbnails|thumbnails|{viewer_id}|{shown.shown_id}") >= "80000000"]
            for index, shown in enumerate(catalogue)
            if shown.has_thumbnails
        }
        viewer = Viewer(
            viewer_id,
            country,
            tastes,
            pace=float(rng.uniform(2, 4)),
            opens=np.array([OPENS[kind] for kind in kinds]) * appeal,
            watches=np.column_stack([ends, 1 - ends.sum(axis=1)]),
            n_finished=np.zeros(len(catalogue), dtype=int),
            reached=np.zeros(len(catalogue)),
            arms=arms,
        )
        viewers.append(viewer)
    return viewers


@dataclass
class Service:
    """The service's log while viewers visit it."""

    rng: np.random.Generator
    rng_again: np.random.Generator
    catalogue: list[Shown]
    n_titles: np.ndarray = field(init=False)
    runtimes: np.ndarray = field(init=False)
    things: dict[str, int] = field(init=False)  # by title
    impressions: list[dict[str, Any]] = field(default_factory=list)
    plays: list[dict[str, Any]] = field(default_factory=list)
    # viewer: (visits with the random shelf, seconds that were to be expected at each thing, added up over them)
    expected: dict[str, tuple[int, np.ndarray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.n_titles = np.array([len(shown.titles) for shown in self.catalogue])
        self.runtimes = np.array([shown.runtime for shown in self.catalogue])
        self.things = {title: index for index, shown in enumerate(self.catalogue) for title in shown.titles}

    def left(self, viewer: Viewer) -> np.ndarray:
        """Which things the viewer hasn't finished; a series is finished with its last episode."""
        return viewer.n_finished < self.n_titles

    def play(self, viewer: Viewer, index: int, moment: datetime, visit: str, impression: str | None) -> datetime:
        """Play what comes next of a thing, from where the viewer stopped; returns when it ends."""
        shown = self.catalogue[index]
        title_id, begins = shown.titles[viewer.n_finished[index]], int(viewer.reached[index])
        how_far, until = self.watch(self.rng, viewer, index, begins)
        self.log(viewer, title_id, visit, impression, moment, begins, until)
        viewer.progress[title_id] = (until, moment)
        is_finished = until >= FINISHED * shown.runtime
        viewer.n_finished[index] += is_finished
        viewer.reached[index] = 0 if is_finished else until
        if how_far == len(PARTS) - 1:
            viewer.opens[index] *= OPENS_AGAIN
        ends = moment + timedelta(seconds=until - begins + 20)
        if is_finished and self.left(viewer)[index] and self.rng.random() < PLAYS_NEXT:
            return self.play(viewer, index, ends, visit, None)
        return ends

    def watch(self, rng: np.random.Generator, viewer: Viewer, index: int, begins: int) -> tuple[int, int]:
        """(which of PARTS is watched of what is left, the second at which it ends)"""
        how_far = int(np.searchsorted(np.cumsum(viewer.watches[index])[:-1], rng.random(), side="right"))
        left = self.catalogue[index].runtime - begins
        return how_far, begins + round(left * float(rng.uniform(*PARTS[how_far])))

    def log(
        self,
        viewer: Viewer,
        title_id: str,
        visit: str,
        impression: str | None,
        moment: datetime,
        begins: int,
        until: int,
    ) -> None:
        row: dict[str, Any] = {"play_id": f"p{len(self.plays) + 1:06d}", "viewer_id": viewer.viewer_id}
        row |= {"title_id": title_id, "visit_id": visit, "started_at": moment, "from_second": begins}
        self.plays.append(row | {"until_second": until, "impression_id": impression})

    def play_again(self, viewer: Viewer, moment: datetime, visit: str) -> None:
        """Now and then, play an episode again that was finished before; where the viewer stands stays as it was."""
        series = np.flatnonzero((self.n_titles > 1) & (viewer.n_finished > 0))
        if not len(series) or self.rng_again.random() >= WATCHES_AGAIN:
            return
        index = int(self.rng_again.choice(series))
        title_id = self.catalogue[index].titles[int(self.rng_again.integers(viewer.n_finished[index]))]
        _, until = self.watch(self.rng_again, viewer, index, 0)
        self.log(viewer, title_id, visit, None, moment, 0, until)
        viewer.again[title_id] = (until, moment)

    def show(
        self, viewer: Viewer, shelf: str, chosen: np.ndarray, moment: datetime, visit: str, chance: float | None
    ) -> list[tuple[int, str | None]]:
        """[(thing, its impression)] of what the viewer opens. Impressions are kept for a fortnight."""
        opened = []
        for place, index in enumerate(map(int, chosen), start=1):
            shown = self.catalogue[index]
            impression = f"{visit}-{shelf}-{place}"
            if moment >= RANDOM_FROM:
                row: dict[str, Any] = {"impression_id": impression, "viewer_id": viewer.viewer_id, "visit_id": visit}
                row |= {"shelf": shelf, "place": place, "shown_id": shown.shown_id, "chance": chance}
                self.impressions.append(row | {"shown_at": moment, "thumbnail": viewer.arms.get(index)})
            if self.rng.random() < viewer.opens[index]:
                opened.append((index, impression if moment >= RANDOM_FROM else None))
        return opened

    def visit(self, viewer: Viewer, moment: datetime, pool: np.ndarray) -> None:
        """One visit. pool: what the random shelf of the fortnight is drawn from."""
        visit = f"{viewer.viewer_id}-{moment:%m%d%H%M}"
        left = self.left(viewer)
        opens = viewer.opens * left
        # The old system shows what it thinks will be opened: without replacement, as likely as that.
        with np.errstate(divide="ignore"):
            lots = np.log(opens) + self.rng.gumbel(size=len(opens))
        if viewer.pushed is not None and moment >= RANDOM_FROM:
            lots[viewer.pushed] = math.inf
        opened = self.show(viewer, "for_you", np.argsort(-lots, kind="stable")[:N_PLACES], moment, visit, None)
        if moment >= RANDOM_FROM:
            shelf = self.rng.choice(pool, size=N_PLACES, replace=False)
            self.expect(viewer, opens)
            surprises = self.show(viewer, "surprise", shelf, moment, visit, round(1 / len(pool), 12))
            # First, so that nothing else that is done on this visit changes what was to be expected.
            opened = surprises + [pair for pair in opened if pair[0] not in shelf]
        resumed = self.newest_begun(viewer)
        moment += timedelta(seconds=30)
        for index, impression in opened:
            if left[index]:
                moment = self.play(viewer, index, moment, visit, impression)
        if resumed is not None and resumed not in dict(opened) and self.rng.random() < RESUMES:
            moment = self.play(viewer, resumed, moment, visit, None)
        self.play_again(viewer, moment, visit)

    def expect(self, viewer: Viewer, opens: np.ndarray) -> None:
        """Add the seconds that are to be expected at each thing, if it is shown on this visit."""
        parts = viewer.watches @ np.array([sum(part) / 2 for part in PARTS])
        seconds = opens * parts * (self.runtimes - viewer.reached)
        n, sums = self.expected.get(viewer.viewer_id, (0, np.zeros(len(seconds))))
        self.expected[viewer.viewer_id] = (n + 1, sums + seconds)

    def newest_begun(self, viewer: Viewer) -> int | None:
        """The thing that the viewer played last, if its title is worth going on with."""
        if not viewer.progress:
            return None
        title_id, (until, _) = max(viewer.progress.items(), key=lambda pair: pair[1][1])
        index = self.things[title_id]
        return index if RESUMES_FROM <= until / self.catalogue[index].runtime < FINISHED else None


def push(rng: np.random.Generator, viewer: Viewer, left: np.ndarray, catalogue: list[Shown]) -> None:
    """Choose the title that the viewer is shown on every visit: of the viewer's taste, and never opened from now on."""
    own = [
        index
        for index, shown in enumerate(catalogue)
        if left[index] and shown.genre in viewer.tastes and not shown.is_clickbait and not viewer.reached[index]
        and not viewer.n_finished[index]
    ]  # fmt: skip
    viewer.pushed = int(rng.choice(own))
    viewer.opens[viewer.pushed] = 0


def watch(service: Service, viewers: list[Viewer]) -> None:
    rng = service.rng
    for number, viewer in enumerate(viewers):
        pool: np.ndarray = np.array([], dtype=int)
        moment, is_before = START + timedelta(days=float(rng.uniform(0, viewer.pace))), True
        while (moment := moment + timedelta(days=float(rng.exponential(viewer.pace)) + 0.5)) < END - timedelta(
            hours=12
        ):
            if is_before and moment >= RANDOM_FROM:
                is_before, left = False, service.left(viewer)
                pool = np.flatnonzero(left)
                for index, arm in viewer.arms.items():
                    viewer.opens[index] *= THUMBNAIL_FACTORS[arm == LIKED_THUMBNAIL[viewer.country]]
                if number < N_PUSHED:
                    push(rng, viewer, left, service.catalogue)
            service.visit(viewer, moment.replace(microsecond=0), pool)


def half_watched(service: Service, viewers: list[Viewer]) -> dict[str, list[str]]:
    """{viewer: titles that were lately stopped half-way, newest first}: of a series the newest, ten at most."""
    since = END - timedelta(days=CONTINUED_DAYS)
    found = {}
    for viewer in viewers:
        newest: dict[int, str] = {}
        for title, (until, moment) in sorted((viewer.progress | viewer.again).items(), key=lambda pair: pair[1][1]):
            index = service.things[title]
            if moment >= since and HALF <= until / service.catalogue[index].runtime < FINISHED:
                newest.pop(index, None)
                newest[index] = title
        if newest:
            found[viewer.viewer_id] = list(newest.values())[::-1][:N_CONTINUED]
    return found


def next_episodes(
    service: Service, viewers: list[Viewer], continued: dict[str, list[str]]
) -> dict[tuple[str, str], str]:
    """{(viewer, series): the episode after the furthest one that was finished}, unless it is to be continued."""
    found = {}
    for viewer in viewers:
        for index, shown in enumerate(service.catalogue):
            if 0 < viewer.n_finished[index] < len(shown.titles):
                following = shown.titles[viewer.n_finished[index]]
                if following not in continued.get(viewer.viewer_id, []):
                    found[viewer.viewer_id, shown.shown_id] = following
    return found


def make_world() -> World:
    rng = np.random.default_rng(20261201)
    catalogue, titles = make_catalogue(rng)
    viewers = make_viewers(rng, catalogue)
    service = Service(rng, np.random.default_rng(20261202), catalogue)
    watch(service, viewers)
    continued = half_watched(service, viewers)
    people = [
        {"viewer_id": viewer.viewer_id, "country": viewer.country, "joined_at": START - timedelta(days=30)}
        for viewer in viewers
    ]
    things = [shown.shown_id for shown in catalogue]
    tables = {
        "catalogue": titles, "viewers": people, "plays": service.plays, "impressions": service.impressions
    }  # fmt: skip
    return World(
        tables={name: pa.Table.from_pylist(rows) for name, rows in tables.items()},
        truths={
            # {viewer: {what is shown: mean seconds of a place with it, over the viewer's visits}}, and the visits
            "expected_seconds": {
                viewer: dict(zip(things, (sums / n).tolist(), strict=True))
                for viewer, (n, sums) in service.expected.items()
            },
            "n_visits": {viewer: n for viewer, (n, _) in service.expected.items()},
            "continued": continued,
            "next": next_episodes(service, viewers, continued),
            # (viewer, series) of which an earlier episode than the furthest was finished again
            "watched_again": {
                (viewer.viewer_id, service.catalogue[index].shown_id)
                for viewer in viewers
                for title, (until, _) in viewer.again.items()
                if until >= FINISHED * service.catalogue[index := service.things[title]].runtime
                and title != service.catalogue[index].titles[viewer.n_finished[index] - 1]
            },
            "liked_thumbnail": LIKED_THUMBNAIL,
            "clickbait": {shown.shown_id for shown in catalogue if shown.is_clickbait},
            "pushed": {v.viewer_id: catalogue[v.pushed].shown_id for v in viewers if v.pushed is not None},
        },
    )
