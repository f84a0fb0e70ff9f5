"""A seeded world of the tables of a release, and releases of it that tell which one they are.

Grain: as the tables of models/publishing; `n_people` lists of 20 items with 10 items of history and up to 10 excluded
ones, two devices a person, `n_items` items with 25 neighbours, 20 similar items and 5 bundles each. Everything is
drawn by integer arithmetic from the keys, so the same sizes give the same world. Neighbours are drawn from the whole
catalogue: the neighbours of a session hardly overlap, which is the hardest case for a session list.

Version V of the world is the same but for its marks: each entry of a list and the row of `generators` name
`als-V`, list ids begin with V. A read that met two versions shows it.
"""

from __future__ import annotations

import hashlib
import json

from kindred.publishing.release import batches_of
from kindred.publishing.tables import TABLES

SEGMENTS = ("", "AT", "DE", "FR")


def user_id(number: int) -> str:
    return f"u{number:07d}"


def device_id(number: int) -> str:
    """Return the id of device `number` of 2 * n_people, two of each person: as long as the cookies of trackers."""
    return hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()


def item_id(number: int) -> str:
    return f"i{number:06d}"


def drawn_item(key: str, place: str, n_items: int, salt: int) -> str:
    """Return SQL for the id of an item; places p of one key get different items while p stays below 50."""
    # Each place has its own fiftieth of the catalogue.
    block = n_items // 50
    number = f"({place}) * {block} + ({key} * 7919 + ({place}) * 104729 + {salt} * 15485863) * 31 % 1000003 % {block}"
    return f"printf('i%06d', {number})"


def json_array(entry: str, count: str) -> str:
    """Return SQL for the text of a JSON array of `count` entries; `entry` is SQL for one, at place p."""
    return f"'[' || array_to_string([{entry} for p in range({count})], ',') || ']'"


def quoted(sql: str) -> str:
    return f"""'"' || {sql} || '"'"""


def make_world(connection, n_people: int, n_items: int) -> None:
    """Write what all versions share: chunks of lists, items, neighbours, pages. At least 50 items."""
    # Lists are put together from ready quarters of five entries: a million of them in seconds, hardly two the same.
    entry = (
        f"""'["' || {drawn_item("chunk", "quarter * 5 + p", n_items, 1)} || '",' || """
        f"""printf('%.6f', 0.99 - 0.04 * (quarter * 5 + p) - chunk % 1000 / 1e5) || ',"als-?","' || """
        f"""{drawn_item("chunk", "quarter * 5 + p", n_items, 2)} || '",1.0]'"""
    )
    chunk = f"array_to_string([{entry} for p in range(5)], ',')"
    history = f"array_to_string([{quoted(drawn_item('chunk', 'quarter * 3 + p', n_items, 3))} for p in range(3)], ',')"
    connection.execute(f"""
        create or replace table chunks as
        select list(entries order by chunk) as entries, list(history order by chunk) as histories, quarter
        from (
            select quarter, chunk, {chunk} as entries, {history} as history
            from range(4) as quarters (quarter), range(10007) as chunks (chunk)
        )
        group by quarter
    """)
    picks = [f"q{q}.entries[1 + (u * {prime} + u // 10007) % 10007]" for q, prime in enumerate((7, 101, 1009, 5003))]
    pasts = [f"q{q}.histories[1 + (u * {prime} + u // 10007) % 10007]" for q, prime in enumerate((11, 103, 1013, 5009))]
    connection.execute(f"""
        create or replace table people as
        select
            printf('u%07d', u) as user_id,
            substr(md5(cast(u as varchar)), 1, 16) as hex,
            {list(SEGMENTS)}[1 + u % 4] as segment,
            '[' || {" || ',' || ".join(picks)} || ']' as items,
            '[' || {" || ',' || ".join(pasts[:3])} || ']' as history,
            case u % 3 when 0 then '[]' else '[' || {pasts[3]} || ']' end as excluded
        from range({n_people}) as people (u)
        {" ".join(f"cross join (from chunks where quarter = {q}) as q{q}" for q in range(4))}
    """)
    connection.execute(f"""
        create or replace table release_identities as
        select md5(cast(d as varchar)) as identity_id, printf('u%07d', d // 2) as user_id
        from range(2 * {n_people}) as devices (d)
    """)
    connection.execute(f"""
        create or replace table release_items as
        select
            printf('i%06d', i) as item_id, cast(i * 7919 % {n_items} + 1 as bigint) as popular_rank,
            'Title of a thing ' || i as title, 'category ' || i % 40 as category, 'brand ' || i % 500 as brand,
            5 + i % 200 / 2.0 as price, i % 50 > 0 as is_available, i % 50 > 0 as is_recommendable,
            '' as eligibility
        from range({n_items}) as items (i)
    """)
    neighbor = f"""'"' || {drawn_item("i", "p", n_items, 4)} || '":' || printf('%.9f', 0.9 / (p + 1))"""
    similar = f"""'["' || {drawn_item("i", "p", n_items, 5)} || '",' || printf('%.6f', 0.9 / (p + 1)) || ',"als"]'"""
    bundle = (
        f"""'["' || {drawn_item("i", "p", n_items, 6)} || '",' || printf('%.6f', 9.0 / (p + 1)) || ',19.5,4.5,12]'"""
    )
    connection.execute(f"""
        create or replace table release_neighbors as
        select
            printf('i%06d', i) as item_id,
            '{{' || array_to_string([{neighbor} for p in range(25)], ',') || '}}' as neighbors
        from range({n_items}) as items (i)
    """)
    connection.execute(f"""
        create or replace table release_item_pages as
        select
            printf('i%06d', i) as item_id, {json_array(similar, 20)} as similar_items,
            {json_array(bundle, 5)} as bundles
        from range({n_items}) as items (i)
    """)
    popular = f"""'["' || {drawn_item("s", "p", n_items, 7)} || '",0.5,"popular"]'"""
    connection.execute(f"""
        create or replace table release_segments as
        select
            {list(SEGMENTS)}[s + 1] as segment, {json_array(popular, 40)} as fallback, '[]' as trending,
            '[]' as excluded, '[]' as excluded_if_unknown
        from range(4) as segments (s)
    """)
    connection.execute("""
        create or replace table release_session_settings as
        select
            5 as n_steps, 25 as n_neighbors, 0.7::double as decay, 0.7::double as session_share,
            0.3::double as list_share,
            true as case_insensitive_ids, false as has_eligibility
    """)
    for table in ("arms", "item_arms", "reason_texts", "item_texts", "text_encoder"):
        columns = ", ".join(f"{name} {kind}" for name, kind in TABLES[table].items())
        connection.execute(f"create or replace table release_{table} ({columns})")


def make_version(connection, version: int) -> dict[str, str]:
    """Write release_lists and release_generators of a version of the world; return its release, without the counts."""
    connection.execute(f"""
        create or replace table release_lists as
        select
            user_id, '{version:08d}-p-' || hex as list_id, segment, 'hot' as activity,
            replace(items, '"als-?"', '"als-{version}"') as items, history, excluded, 'main' as policy,
            '[]' as eligible_for
        from people
    """)
    # In every tenth list a rule acts on four items.
    connection.execute("""
        create or replace table release_list_rules as
        select user_id, '[["more_garden","boost","2 5 9 14"]]' as rules from people where user_id like '%0'
    """)
    connection.execute(f"""
        create or replace table release_generators as
        select * from (values ('als-{version}', 'your_history'), ('popular', 'popular')) as kinds (generator, reason)
    """)
    return release_of(version)


def release_of(version: int) -> dict[str, str]:
    """Return the release of a version, without the counts."""
    return {
        "release_id": f"20260601T{version:06d}-{version:08d}",
        "run_id": f"{version:08d}-of-the-benchmark",
        "as_of": "2026-06-01 00:00:00",
        "generated_at": f"2026-06-01 {version:06d}",
        "expires_at": "2026-06-03 00:00:00",
        "measures": json.dumps([]),
    }


def release_tables(connection) -> dict[str, object]:
    """Return the tables as the model hands them to the functions that publish."""
    return {name: batches_of(connection.table(f"release_{name}"), TABLES[name]) for name in TABLES}
