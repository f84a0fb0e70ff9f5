"""The last section: what was published, and what the newest release changed."""

from __future__ import annotations

from pathlib import Path

from kindred.publishing.folder import read_json
from kindred.report.cells import Row, keep
from kindred.report.charts import Html, Mark, count, figure, grid, rows_chart, table, tag
from kindred.report.sections import Section
from kindred.report.tables import Tables

RELEASES = ("release_id", "run_id", "store", "overridden_gates", "n_lists", "n_items", "bytes", "as_of", "published_at")
N_RELEASES = 8
DEPTH = 10
N_ITEMS = 8
CHANGES = ("n_people", "n_changed", "new_share", "n_came", "n_left")
ITEMS = ("item_id", "title", "n_before", "n_now")


def releases(tables: Tables, served: str | None) -> Section:
    """served: the release that apps read, where that is known."""
    rows = tables.rows("releases", RELEASES, f"order by published_at desc, release_id desc limit {N_RELEASES}")
    # A release that was published twice stands once, with its last publication.
    rows = list({row["release_id"]: row for row in reversed(rows)}.values())[::-1]
    changes: list[str] = []
    if len(rows) > 1:
        changes = changes_figures(tables, rows[0], rows[1])
    return Section(
        "releases",
        "Releases",
        "What apps read, what they read before, and what changed for people and items between the last two releases.",
        [releases_figure(rows, served), grid(changes)] if rows else [],
        "Nothing was published yet, or this build has no release: see the publish gates above.",
    )


def releases_figure(rows: list[Row], served: str | None) -> str:
    def name(row: Row) -> Html:
        mark = f" {tag('apps read it', 'good')}" if row["release_id"] == served else ""
        return Html(f"{row['release_id']}{mark}")

    body = [
        [
            name(row),
            f"{row['published_at']:%Y-%m-%d %H:%M}",
            f"{row['as_of']:%Y-%m-%d}",
            count(row["n_lists"]),
            count(row["n_items"]),
            f"{row['bytes'] / 1e6:,.1f} MB" if row["bytes"] else "-",
            row["overridden_gates"] or "-",
        ]
        for row in rows
    ]
    return figure(
        "The last releases",
        table(["release", "published, UTC", "as of", "lists", "items", "size", "overridden gates"], body, (3, 4, 5)),
        count(len(rows), "release"),
        "lists and items by count",
    )


def lists_of(tables: Tables, run_id: str) -> str:
    log = tables.connection.name("recommendation_log")
    literal = str(run_id).replace("'", "''")
    return f"select user_id, item_id from {log} where run_id = '{literal}' and rank <= {DEPTH}"


def changes_figures(tables: Tables, now: Row, before: Row) -> list[str]:
    """What the newest release changed beside the one before it; [] where their lists are not in the log."""
    if not tables.has("recommendation_log") or now["run_id"] == before["run_id"]:
        return []
    smallest = tables.smallest_cell
    pair = f"with newer as ({lists_of(tables, now['run_id'])}), older as ({lists_of(tables, before['run_id'])})"
    [change] = tables.select(
        f"""
        {pair},
        people as (
            select
                coalesce(newer.user_id, older.user_id) as user_id,
                count(newer.item_id) as n_now,
                count(older.item_id) as n_before,
                sum(case when newer.item_id is not null and older.item_id is null then 1 else 0 end) as n_new
            from newer
            full outer join older on newer.user_id = older.user_id and newer.item_id = older.item_id
            group by coalesce(newer.user_id, older.user_id)
        )
        select
            sum(case when n_now > 0 and n_before > 0 then 1 else 0 end),
            sum(case when n_now > 0 and n_before > 0 and (n_new > 0 or n_now < n_before) then 1 else 0 end),
            sum(case when n_now > 0 and n_before > 0 then n_new else 0 end)
            / nullif(cast(sum(case when n_now > 0 and n_before > 0 then n_now else 0 end) as double), 0),
            sum(case when n_before = 0 then 1 else 0 end),
            sum(case when n_now = 0 then 1 else 0 end)
        from people
        """,
        CHANGES,
    )
    if not change["n_people"] or change["n_people"] < smallest:
        return []

    def few(value: int) -> str:
        return count(value) if value >= smallest or value == 0 else f"fewer than {smallest}"

    n, n_changed = change["n_people"], change["n_changed"]
    is_told = n_changed >= smallest and (n - n_changed >= smallest or n == n_changed)
    marks = [
        Mark(
            "People whose list changed", n_changed / n if is_told else None,
            told=f"{100 * n_changed / n:.1f} %" if is_told else f"fewer than {smallest}, or all but so few",
            told_more=f"{count(n_changed)} people" if is_told else "",
        ),
        Mark(
            "Items of a list that are new to it", change["new_share"], told=f"{100 * change['new_share']:.1f} %",
            told_more="mean over lists",
        ),
    ]  # fmt: skip
    found = [
        figure(
            "What changed for people",
            rows_chart(marks, is_share=True, as_bars=True),
            f"{count(n)} people with a list in both releases",
            f"share, in the first {DEPTH} places",
            f"People with a list now and not before: {few(change['n_came'])}; before and not now: "
            f"{few(change['n_left'])}.",
        )
    ]
    return found + items_figures(tables, pair, n, smallest)


def items_figures(tables: Tables, pair: str, n_people: int, smallest: int) -> list[str]:
    """The items that most lists gained and lost."""
    is_named = tables.has("items")
    titles = ""
    if is_named:
        titles = f"left join {tables.connection.name('items')} as items on counted.item_id = items.item_id"
    rows = tables.select(
        f"""
        {pair},
        counted as (
            select item_id, sum(n_before) as n_before, sum(n_now) as n_now
            from (
                select item_id, 0 as n_before, count(*) as n_now from newer group by item_id
                union all
                select item_id, count(*) as n_before, 0 as n_now from older group by item_id
            ) as both_runs
            group by item_id
        )
        select counted.item_id, {"items.title" if is_named else "null"}, n_before, n_now
        from counted {titles}
        where n_before <> n_now
        order by abs(n_now - n_before) desc, counted.item_id
        """,
        ITEMS,
    )
    # An item that few lists had, and as few have, and a change by few people tell of these few.
    for row in rows:
        sides = [row["n_before"], row["n_now"], abs(row["n_now"] - row["n_before"])]
        row["n_least"] = min((side for side in sides if side), default=0)
    cells = keep(rows, ["n_least"], smallest)
    found = []
    for title, gained in (("Items in more lists than before", True), ("Items in fewer lists than before", False)):
        of_kind = [row for row in cells.rows if (row["n_now"] > row["n_before"]) == gained][:N_ITEMS]
        if not of_kind:
            continue
        marks = [
            Mark(
                str(row["title"] or row["item_id"]),
                row["n_now"] - row["n_before"],
                told=f"{row['n_now'] - row['n_before']:+,}",
                told_more=f"{count(row['n_before'])} → {count(row['n_now'])}",
                tone="" if gained else "worse",
                more=str(row["item_id"]) if row["title"] else "",
            )
            for row in of_kind
        ]
        found.append(
            figure(
                title,
                rows_chart(marks, with_zero=True, as_bars=True),
                f"lists of {count(n_people)} people in both releases and of those who came or left",
                f"lists with the item in the first {DEPTH} places",
                "",
                cells.n_left_out,
                smallest,
            )
        )
    return found


def served_release(folder: Path) -> str | None:
    """The release_id in served.json, which publication and rollback write; None where there is none."""
    found = read_json(folder / "served.json")
    return str(found["release_id"]) if found else None
