"""Vectors of texts: what they mean, which texts are encoded again, and what a shop without words in common gains."""

import datetime
import json
import logging
from types import SimpleNamespace

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from conftest import This

from kindred import text_vectors
from kindred.text_vectors import as_json
from kindred.texts import LENGTH, Encoder, load_encoder

DAY = datetime.datetime(2026, 5, 1)


@pytest.fixture(scope="module")
def encoder():
    return load_encoder("wordllama")


def test_encoder__things_of_one_kind_are_near_without_a_word_in_common(encoder):
    pairs = [("crime novel", "book about a murder"), ("running shoes", "trainers for joggers"), ("red mug", "cup")]
    ones, others = (encoder.vectors([pair[side] for pair in pairs]) for side in (0, 1))
    cosines = ones @ others.T
    assert cosines.argmax(axis=1).tolist() == [0, 1, 2]
    np.testing.assert_allclose(np.linalg.norm(ones, axis=1), 1, atol=1e-6)
    assert encoder.vectors(["", "red mug"])[0].tolist() == [0] * LENGTH
    assert encoder.vectors([]).shape == (0, 0)


def test_encoder__leaves_the_log_of_the_process_alone():
    before = list(logging.root.handlers), logging.root.level
    load_encoder("wordllama")
    assert (list(logging.root.handlers), logging.root.level) == before


def write_weights(folder, **tensors):
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {"[UNK]": 0, "tea": 1, "pot": 2}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["[PAD]"])
    tokenizer.save(str(folder / "tokenizer.json"))
    save_file(tensors, folder / "model.safetensors")


def test_encoder__of_a_folder_takes_the_mean_of_the_tokens(tmp_path):
    write_weights(tmp_path, embeddings=np.array([[0, 0], [3, 0], [0, 1], [9, 9]], dtype=np.float32))
    found = load_encoder(str(tmp_path))
    assert found.vectors(["tea", "tea pot"]) == pytest.approx(np.array([[1, 0], [3 / 10**0.5, 1 / 10**0.5]]), abs=1e-6)
    other = tmp_path / "other"
    other.mkdir()
    write_weights(other, embeddings=np.array([[0, 0], [3, 0], [0, 2], [9, 9]], dtype=np.float32))
    assert load_encoder(str(other)).name != found.name


def test_encoder__a_folder_of_something_else(tmp_path):
    with pytest.raises(ValueError, match=r"where there is no model.safetensors: give wordllama, or a folder of"):
        load_encoder(str(tmp_path))
    write_weights(tmp_path, embeddings=np.zeros((4, 2), np.float32), mapping=np.zeros(4, np.int64))
    with pytest.raises(ValueError, match=r"has .*mapping.*: one matrix is read"):
        load_encoder(str(tmp_path))


def test_as_json__has_four_decimals_and_no_needless_zeros():
    assert as_json(np.array([0.5, -0.12345, 0, 1], dtype=np.float32)) == "[0.5,-0.1235,0,1]"
    assert json.loads(as_json(np.array([-0.00001]))) == [0]


def encode_in_build(connection, texts, monkeypatch, name="one"):
    """Rows of the model, made as dbt makes them, and the texts that were encoded for them."""
    encoded = []

    def encode(some):
        encoded.extend(some)
        return np.array([[len(text), 1] for text in some], dtype=np.float32)

    monkeypatch.setattr(text_vectors, "load_encoder", lambda where: Encoder(name, encode))
    monkeypatch.setattr(text_vectors, "TEXTS_PER_BATCH", 2)
    rows = pa.table({"text_key": [f"key of {text}" for text in texts], "item_text": texts})  # noqa: F841
    connection.execute("create or replace table item_texts as from rows")
    dbt = SimpleNamespace(this=This("memory", "main", "item_text_vectors"))
    made = text_vectors.text_vectors(dbt, connection, connection.table("item_texts"), "here")  # noqa: F841
    connection.execute("create or replace table item_text_vectors as from made")
    return dict(connection.execute("select text_key, vector from item_text_vectors").fetchall()), sorted(encoded)


def test_a_text_is_encoded_once(monkeypatch):
    with duckdb.connect() as connection:
        first, encoded = encode_in_build(connection, ["cup", "teapot", "ladle"], monkeypatch)
        assert encoded == ["cup", "ladle", "teapot"] and len(first) == 3
        # One left the catalogue, two are new.
        second, encoded = encode_in_build(connection, ["cup", "jug", "ladle", "urn"], monkeypatch)
        assert encoded == ["jug", "urn"]
        assert second.keys() == {"key of cup", "key of jug", "key of ladle", "key of urn"}
        assert second["key of cup"] == first["key of cup"]
        assert encode_in_build(connection, ["cup", "jug"], monkeypatch)[1] == []
        # Other weights make other vectors.
        assert encode_in_build(connection, ["cup", "jug"], monkeypatch, name="two")[1] == ["cup", "jug"]


def test_a_shop_whose_texts_share_no_word_has_neighbours_by_meaning(small_shop):
    """Every title and the one most like it share no word; one has a vector of a picture and one a plain vector, too."""
    titles = {"a": "crime novel", "b": "book about a murder", "c": "running shoes", "d": "trainers for joggers"}
    pictures = {"a": '{"image": [1, 0]}', "b": None, "c": "[0.5, 0.5, 1]", "d": "[]"}
    small_shop.load(
        events=[
            {"event_id": f"e{place}", "user_id": "u1", "item_id": item, "event_type": "view", "occurred_at": DAY}
            for place, item in enumerate(titles)
        ],
        items=[{"item_id": item, "title": title, "embedding": pictures[item]} for item, title in titles.items()],
    )
    settings = {"generators": {"text_encoder": "wordllama"}, "segment_by": ""}
    small_shop.build("--select", "+item_content_neighbors", **settings)
    nearest = "select item_id, neighbor_id from item_content_neighbors where fold = 'live' and rank = 1"
    assert dict(small_shop.query(nearest)) == {"a": "b", "b": "a", "c": "d", "d": "c"}
    vectors = {item: json.loads(text) for item, text in small_shop.query("select item_id, embedding from items")}
    assert {item: set(named) for item, named in vectors.items()} == {
        "a": {"image", "words"},
        "b": {"words"},
        "c": {"given", "words"},
        "d": {"words"},
    }
    assert vectors["a"]["image"] == [1, 0] and vectors["c"]["given"] == [0.5, 0.5, 1]
    assert {len(named["words"]) for named in vectors.values()} == {LENGTH}


def test_an_encoder_that_isnt_there_stops_the_build(small_shop, tmp_path):
    event = {"event_id": "e", "user_id": "u", "item_id": "a", "event_type": "view", "occurred_at": DAY}
    small_shop.load(events=[event], items=[{"item_id": "a", "title": "Mug"}])
    asked = {"generators": {"text_encoder": str(tmp_path)}}
    result = small_shop.dbt("build", "--select", "+items", "--exclude-resource-type", "unit_test", **asked)
    assert result.returncode != 0 and "where there is no model.safetensors: give wordllama" in result.text
    result = small_shop.dbt("build", "--select", "events", generators={"text_encoder": 5})
    assert "text_encoder is '5': give wordllama, a folder of weights, or '' for none" in result.text
