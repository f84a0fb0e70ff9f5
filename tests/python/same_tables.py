"""Whether two shops have the same rows in all tables up to the room `features`."""

import duckdb

FEATURES = ["--select", "+group:features"]


def different(shop, other, left_out=()):
    """The tables up to `features` that differ between two shops, and how many there are in both.

    The key of forgotten ids is drawn by chance in each.
    """
    with duckdb.connect(shop.database, read_only=True) as connection:
        connection.execute(f"attach '{other.database}' as other (read_only)")
        in_both = connection.execute("""
            select table_name from information_schema.tables where table_schema = 'main' and table_catalog = 'shop'
            intersect
            select table_name from information_schema.tables where table_schema = 'main' and table_catalog = 'other'
        """).fetchall()
        names = sorted(name for (name,) in in_both if name not in {"forgotten_key", *left_out})
        rows = "select columns(*)::varchar from {}"
        both = [(rows.format(name), rows.format(f"other.{name}")) for name in names]
        found = [
            name
            for name, (mine, theirs) in zip(names, both, strict=True)
            if connection.execute(
                f"({mine} except all {theirs}) union all ({theirs} except all {mine}) limit 1"
            ).fetchall()
        ]
        return found, len(names)
