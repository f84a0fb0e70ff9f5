"""recipes/media: what waits to be continued, and what comes next, where viewers go back, give up or leave long ago."""

import duckdb
from conftest import copy_package, run_dbt

from recipes import run

# viewer, episode of the series s (or the film f1 to f12), share that was reached, day of May
PLAYS = [
    # finished three episodes, then the first one again
    *(("again", 1, 1.0, 3), ("again", 2, 1.0, 4), ("again", 3, 1.0, 5), ("again", 1, 0.95, 20)),
    # the same, and stopped half-way in the old episode: it may be continued, and changes nothing of what is next
    *(("half", 1, 1.0, 3), ("half", 2, 1.0, 4), ("half", 1, 0.5, 20)),
    # stopped the next one half-way: to be continued, not to be begun
    *(("begun", 1, 1.0, 3), ("begun", 2, 0.35, 4)),
    # hardly looked at the next one
    *(("tried", 1, 1.0, 3), ("tried", 2, 0.34, 4)),
    # has seen all
    *(("all", number, 1.0, number) for number in range(1, 5)),
    # stopped the next one half-way, too long ago to wait
    *(("long_ago", 1, 1.0, -40), ("long_ago", 2, 0.5, -39)),
    # two episodes that were stopped: the newest counts
    *(("two", 1, 0.5, 3), ("two", 2, 0.6, 4)),
    # after as_of
    *(("later", 1, 1.0, 3), ("later", 2, 1.0, 40)),
    *(("many", f"f{number}", 0.5, number) for number in range(1, 13)),
    # who refuses
    ("refuses", 1, 1.0, 3),
]


def test_what_waits_and_what_comes_next(tmp_path):
    project = copy_package(tmp_path / "kindred", "recipes/media") / "recipes/media"
    paths = {"project": project, "target": tmp_path / "target", "database": tmp_path / "media.duckdb"}
    run.write_tables(run.load("media").make_world(), project)
    plays = []
    for number, (viewer, what, reached, day) in enumerate(PLAYS):
        shown, title, place = (what, what, 1) if isinstance(what, str) else ("s", f"s-{what}", what)
        started = f"timestamp '2026-05-01' + interval '{day - 1} days'"
        plays.append(f"({number}, '{viewer}', '{title}', '{shown}', {place}, {reached}, {reached >= 0.9}, {started})")
    named = "play_id, viewer_id, title_id, shown_id, number_in_series, reached, is_finished, started_at"
    with duckdb.connect(paths["database"]) as connection:
        for statement in (
            f"create table watched_plays as from (values {', '.join(plays)}) as _ ({named})",
            "create table numbered_titles as select 's' as shown_id, 's-' || range as title_id,"
            " range as number_in_series from range(1, 5)",
            "create table folds as select timestamp '2026-06-01' as as_of",
            "create table recommendation_lists as select distinct viewer_id as user_id from watched_plays"
            " where viewer_id <> 'refuses'",
        ):
            connection.execute(statement)
    environment = {"KINDRED_WORLD": str(project / "world")}
    models = "newest_plays continue_watching next_in_series"
    for command in (("deps",), ("run", "--select", models)):
        result = run_dbt(*command, environment=environment, writes=True, **paths)
        assert result.returncode == 0, result.output
    with duckdb.connect(paths["database"]) as connection:
        following = connection.execute("select viewer_id, title_id, after_title_id from next_in_series").fetchall()
        waiting = connection.execute("select viewer_id, rank, title_id from continue_watching").fetchall()
    assert sorted(following) == [
        ("again", "s-4", "s-3"),
        ("half", "s-3", "s-2"),
        ("later", "s-2", "s-1"),
        ("long_ago", "s-2", "s-1"),
        ("tried", "s-2", "s-1"),
    ]
    assert sorted(waiting) == [
        ("begun", 1, "s-2"),
        ("half", 1, "s-1"),
        *(("many", rank, f"f{13 - rank}") for rank in range(1, 11)),
        ("two", 1, "s-2"),
    ]
