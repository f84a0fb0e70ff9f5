"""The last day of a world, held out: cut it off, and say how much of it stands in lists that were made without it.

    held_out_day.py split WORLD LEARNED HELD_OUT    two Parquet files: the events before the last day, and that day's
    held_out_day.py lists DATABASE LISTS            the lists of kindred's DuckDB file as Parquet
    held_out_day.py recall LISTS LEARNED HELD_OUT   one JSON line

Recall@20 of a person is the share of the items touched on that day that stand in the first 20 places of the person's
list; what the person touched before doesn't count. Its mean is over the people who have events before and on that day,
0 where a person has no list. A model's lists may hold items that the person touched before; they find nothing.
"""

from __future__ import annotations

import json
import sys

import duckdb

SPLIT = """
    copy (
        select * from read_parquet('{0}')
        where (occurred_at >= (select date_trunc('day', max(occurred_at)) from read_parquet('{0}'))) = {2}
        order by occurred_at, event_id
    ) to '{1}' (format parquet, compression zstd, row_group_size 1000000)
"""
LISTS = "copy (select user_id, item_id, rank from recommendations) to '{}' (format parquet)"
RECALL = """
    with lists as (select user_id, item_id from read_parquet('{0}') where rank <= 20),

    learned as (select distinct user_id, item_id from read_parquet('{1}')),

    targets as (
        select distinct user_id, item_id
        from read_parquet('{2}')
        where user_id in (select user_id from learned)
        except
        select user_id, item_id from learned
    ),

    people as (
        select targets.user_id, count(lists.item_id) / count(*) as recall
        from targets
        left join lists on targets.user_id = lists.user_id and targets.item_id = lists.item_id
        group by targets.user_id
    )

    select
        round(avg(recall), 5) as recall,
        round(stddev_samp(recall) / sqrt(count(*)), 5) as error,
        count(*) as people,
        (select count(*) from targets) as targets,
        (select count(distinct user_id) from lists) as lists,
        (select count(*) from lists inner join learned using (user_id, item_id)) as touched_rows
    from people
"""


def main() -> None:
    action, *paths = sys.argv[1:]
    if action == "split":
        world, learned, held_out = paths
        with duckdb.connect() as connection:
            connection.execute(SPLIT.format(world, learned, "false"))
            connection.execute(SPLIT.format(world, held_out, "true"))
    elif action == "lists":
        database, lists = paths
        with duckdb.connect(database, read_only=True) as connection:
            connection.execute(LISTS.format(lists))
            ranker = connection.execute("select kind, note from ranker_in_use").fetchone()
        print(json.dumps({"ranker": ranker[0], "note": ranker[1]}))
    else:
        cursor = duckdb.execute(RECALL.format(*paths))
        print(json.dumps(dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))))


if __name__ == "__main__":
    main()
