"""What kindred knows of people and items, as feature views: a model of your own looks them up by id.

`export.py` writes the Parquet files that they read; event_timestamp is the as-of date of the build.
"""

from datetime import timedelta

from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Array, Bool, Float32, Float64, Int64, String

person = Entity(name="person", join_keys=["user_id"], value_type=ValueType.STRING)
item = Entity(name="item", join_keys=["item_id"], value_type=ValueType.STRING)


def view(name, entity, **fields):
    """A feature view over the file of its name."""
    source = FileSource(name=f"{name}_file", path=f"data/{name}.parquet", timestamp_field="event_timestamp")
    schema = [Field(name=field, dtype=dtype) for field, dtype in fields.items()]
    # They do not expire: a shop whose builds stopped has old features rather than none.
    return FeatureView(name=name, entities=[entity], schema=schema, source=source, ttl=timedelta(0))


user_features = view(
    "user_features",
    person,
    segment=String,
    activity=String,
    is_anonymous=Bool,
    top_category=String,
    top_brand=String,
    mean_price=Float64,
    price_affinity=Float64,
    n_events=Int64,
    n_purchases=Int64,
    n_sessions=Int64,
    revenue=Float64,
    tenure_days=Float64,
    recency_days=Float64,
)
item_features = view(
    "item_features",
    item,
    category=String,
    brand=String,
    price=Float64,
    n_users=Int64,
    n_events=Int64,
)
user_factors = view("user_factors", person, factors=Array(Float32))
item_factors = view("item_factors", item, factors=Array(Float32))
