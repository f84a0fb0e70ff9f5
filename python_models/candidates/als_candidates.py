"""The items that ALS proposes: for everybody with user factors, the items of highest score.

Grain: one row per (fold, user_id, item_id).
Columns: fold, user_id, item_id, rank: from 1, in falling order of the score, ties in the order of the item ids,
score: the inner product of the two vectors, near 1 for what the person is sure to like, made_from: that of the
person's vector, in the fold live.
Items that a person's history excludes, and items that can't be recommended in the fold, are left out.
Where no training is due, whoever's made_from is still that of an earlier build keeps the list of that build, unless it
has an item that can't be recommended any more.
Errors: ValueError where n_candidates isn't wired. A person may have fewer than n_candidates where the items run out.

Memory grows with the people in a block and with the excluded pairs, not with people x items. On Snowflake a table
function spreads the blocks over the warehouse's nodes.
"""

import pyarrow as pa
import pyarrow.compute as pc

SCHEMA = pa.schema(
    [
        ("fold", pa.string()),
        ("user_id", pa.string()),
        ("item_id", pa.string()),
        ("rank", pa.int64()),
        ("score", pa.float64()),
        ("made_from", pa.string()),
    ]
)
USERS_PER_BLOCK = 50_000
USERS_PER_PARTITION = 2_000


def list_items(fold, users, keys, items, user_vectors, item_vectors, excluded, n):
    """`best_items` of a block of users, with their made_from (keys), as a pyarrow.RecordBatch of SCHEMA."""
    users_at, items_at, ranks, scores = best_items(user_vectors, item_vectors, excluded, n)
    people = pa.array(users_at)
    columns = [users.take(people), items.take(pa.array(items_at)), pa.array(ranks), pa.array(scores), keys.take(people)]
    return pa.record_batch([pa.repeat(pa.scalar(fold), len(scores)), *columns], schema=SCHEMA)


def list_items_on_all_nodes(session, packages, user_factors, item_factors, interactions, item_features, n):
    """The lists as a Snowpark data frame: a table function makes them in partitions of whole users.

    Its rows are one per user with a vector and one per excluded pair; the items' vectors travel as a staged file.
    """
    shown = item_features.filter("is_recommendable")
    items = item_factors.join(shown, ["fold", "item_id"], "leftsemi")
    path = stage_table(session, read_table(items, ["fold", "item_id", "factors"]), "items.arrow")

    def list_partition(rows):
        fold, has_vector = rows["fold"].iloc[0], rows["factors"].notna()
        people = frame_to_table(rows[has_vector][["user_id", "factors", "made_from"]])
        users, user_vectors = unpack_factors(people, "user_id")
        items = read_staged_table("items.arrow")
        items, item_vectors = unpack_factors(items.filter(pc.equal(items["fold"], fold)), "item_id")
        if len(users) == 0 or len(items) == 0:
            return SCHEMA.empty_table().to_pandas()
        excluded = to_pairs(frame_to_table(rows[~has_vector][["user_id", "item_id"]]), users, items)
        keys = keys_of(people, users)
        return list_items(fold, users, keys, items, user_vectors, item_vectors, excluded, n).to_pandas()

    vectors = user_factors.select_expr(
        "fold", "user_id", "to_json(factors) as factors", "made_from", "cast(null as varchar) as item_id"
    )
    nothing = "cast(null as varchar)"
    pairs = interactions.filter("is_excluded").select_expr("fold", "user_id", nothing, nothing, "item_id")
    n_buckets = 1 + vectors.count() // USERS_PER_PARTITION
    rows = vectors.union_all(pairs).select_expr("*", f"mod(abs(hash(user_id)), {n_buckets}) as bucket")
    columns = ["fold", "user_id", "factors", "made_from", "item_id"]
    lists = register_table_function(session, list_partition, columns, SCHEMA, path, packages)
    return rows.select(lists(*columns).over(partition_by=["fold", "bucket"]))


def model(dbt, session):
    n_candidates = dbt.config.meta_get("n_candidates")
    packages = dbt.config.get("packages")
    if n_candidates is None:
        raise ValueError("als_candidates: config: meta: needs n_candidates")
    user_factors = dbt.ref("als_user_factors")
    item_factors = dbt.ref("als_item_factors")
    interactions = dbt.ref("interactions")
    item_features = dbt.ref("item_features")
    training_policy = dbt.ref("training_policy")
    folds = dbt.ref("folds")
    keys = user_factors.filter("fold = 'live'")
    kept = keep_rows(dbt, session, training_policy, keys, SCHEMA, "fold = 'live'", item_features)
    user_factors, interactions = without(user_factors, kept), without(interactions, kept)
    if is_snowflake(session):
        lists = list_items_on_all_nodes(
            session, packages, user_factors, item_factors, interactions, item_features, n_candidates
        )
        return lists if kept is None else project(lists.union_all(kept), *SCHEMA.names)

    def prepare(fold):
        """Everything is read before the first row is written: DuckDB streams the result over the same connection."""
        items, item_vectors = read_factors(item_factors, "item_id", fold)
        # Factors of an earlier training may be of items that are in no catalogue any more.
        shown = read_table(item_features, ["item_id"], f"fold = '{fold}' and is_recommendable")["item_id"]
        is_kept = pc.is_in(items, value_set=shown.combine_chunks()).to_numpy(zero_copy_only=False)
        items, item_vectors = items.filter(pa.array(is_kept)), item_vectors[is_kept]
        people = read_table(user_factors, ["user_id", "factors", "made_from"], f"fold = '{fold}'")
        users, user_vectors = unpack_factors(people, "user_id")
        keys = keys_of(people, users)
        excluded = read_pairs(interactions, users, items, f"fold = '{fold}' and is_excluded")
        return fold, users, keys, items, user_vectors, item_vectors, excluded

    prepared = [prepare(fold) for fold in read_folds(folds)]

    def batches():
        for fold, users, keys, items, user_vectors, item_vectors, excluded in prepared:
            for start in range(0, len(users) if len(items) else 0, USERS_PER_BLOCK):
                block = slice(start, start + USERS_PER_BLOCK)
                if start > 0:
                    report_progress(f"als_candidates: {fold}, {start:,} of {len(users):,} people have their lists")
                yield list_items(
                    *(fold, users[block], keys[block], items, user_vectors[block], item_vectors, excluded[block]),
                    n_candidates,
                )

    return write_table(session, SCHEMA, batches(), kept)
