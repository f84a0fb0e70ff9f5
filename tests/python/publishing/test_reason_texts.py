"""A shop's own sentences in place of the seed: what is missing or can't be said stops the build, with a message."""

import csv

import duckdb
import pytest
from conftest import REPOSITORY, run_dbt

SEED = list(csv.DictReader((REPOSITORY / "seeds/config/reason_texts.csv").open(encoding="utf-8")))
SETTINGS = {"kindred__tables": {"reason_texts": "main.shop_texts"}}


@pytest.fixture
def build(tmp_path):
    """dbt on the sentences alone, with a shop's table of these rows: (reason, language, text_with_item, text_alone)."""
    database = tmp_path / "shop.duckdb"

    def run(rows):
        with duckdb.connect(database) as connection:
            columns = "reason varchar, language varchar, text_with_item varchar, text_alone varchar"
            connection.execute(f"create or replace table shop_texts ({columns})")
            connection.executemany("insert into shop_texts values (?, ?, ?, ?)", rows)
        select = ("--select", "reason_texts", "checked_reason_texts", "release_reason_texts")
        kinds = ("--exclude-resource-type", "unit_test")
        result = run_dbt("build", *select, *kinds, target=tmp_path / "target", database=database, settings=SETTINGS)
        with duckdb.connect(database) as connection:
            try:
                released = connection.execute("select text_id, text_alone from release_reason_texts").fetchall()
            except duckdb.CatalogException:
                released = None
        return result, released

    return run


def test_a_shops_own_sentences(build):
    """A table with two languages and one more code: nothing of the seed is said beside it."""
    english = [
        (row["reason"], row["text_with_item"], f"our {row['text_alone']}") for row in SEED if row["language"] == "en"
    ]
    english.append(("staff_picks", "", "loved by our staff"))
    good = [(reason, language, named, alone) for language in ("EN ", "it") for reason, named, alone in english]
    result, released = build(good)
    assert result.returncode == 0, result.output
    assert dict(released)["it|staff_picks"] == "loved by our staff" and len(released) == len(good)
    assert {text_id[:3] for text_id, _alone in released} == {"en|", "it|"}
    # One code of the seed and one of the shop's are missing in a language.
    bad = [row for row in good if row[:2] not in (("popular", "EN "), ("staff_picks", "it"))]
    bad = [(*row[:2], "wegen {title}", row[3]) if row[:2] == ("your_history", "it") else row for row in bad]
    result, _before = build(bad)
    assert result.returncode == 1
    for text_id, problem in (
        ("en|popular", "there is no such text: add a row with this reason and language"),
        ("it|staff_picks", "there is no such text: add a row with this reason and language"),
        ("it|your_history", "text_with_item lacks {item}: write it where the title belongs"),
    ):
        assert f"kindred: text_id '{text_id}' of checked_reason_texts: {problem}" in result.text
    assert result.text.count("of checked_reason_texts:") == 3
