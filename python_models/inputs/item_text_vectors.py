"""Vectors of what the catalogue says of items, by the encoder that the setting text_encoder names. Optional.

Grain: one row per text_key, a text that some item has; item_text_vectors.yml has the columns. A text that the build
before has encoded with the same weights isn't encoded again.
Errors: ImportError without the package; ValueError for a folder without weights.
"""


def model(dbt, session):
    from kindred.text_vectors import text_vectors

    texts = dbt.ref("item_texts")
    return text_vectors(dbt, session, texts, dbt.config.meta_get("text_encoder"))
