{#- Item-to-item models: who is whose neighbour, and what a history's neighbours add up to. -#}
{% macro python_neighbors() %}{% raw %}
NEIGHBORS_SCHEMA = pa.schema(
    [
        ("fold", pa.string()),
        ("item_id", pa.string()),
        ("neighbor_id", pa.string()),
        ("rank", pa.int64()),
        ("score", pa.float64()),
    ]
)


def neighbor_rows(fold, items, neighbors, n):
    """The n best neighbours of each item, a CSR matrix of items x items, as a pyarrow.RecordBatch."""
    rows, columns, ranks, scores = best_per_row(neighbors, n)
    ids = [items.take(pa.array(positions)) for positions in (rows, columns)]
    return pa.record_batch(
        [pa.repeat(pa.scalar(fold), len(rows)), *ids, pa.array(ranks), pa.array(scores)], schema=NEIGHBORS_SCHEMA
    )


def read_neighbors(relation, fold, items):
    """What `neighbor_rows` wrote, among the given items: CSR, items x items."""
    table = read_table(relation, ["item_id", "neighbor_id", "score"], f"fold = '{fold}'")
    rows, columns = (encode_ids(table[name], items)[1] for name in ("item_id", "neighbor_id"))
    is_known = (rows >= 0) & (columns >= 0)
    scores = table["score"].to_numpy()[is_known].astype(np.float32)
    matrix = csr_matrix((scores, (rows[is_known], columns[is_known])), shape=(len(items), len(items)))
    matrix.sort_indices()
    return matrix


def read_history(interactions, fold, max_items=500):
    """What each person liked, newest first: (user ids, item ids, CSR matrix users x items, steps back).

    The matrix holds the square roots of the positive weights, so that the tenth order of an item doesn't count ten
    times. A row stands in the order of time, newest first; `steps` has a whole number for each of its entries: 0 for a
    person's newest items, 1 for those of the moment before, and so on. Items of one moment share their step and stand
    in an order drawn with a fixed seed. Of longer histories the newest `max_items` are kept: it bounds memory and time.
    """
    table = read_table(interactions, ["user_id", "item_id", "weight", "last_at"], f"fold = '{fold}' and weight > 0")
    users, user_at = encode_ids(table["user_id"])
    items, item_at = encode_ids(table["item_id"])
    moments = table["last_at"].combine_chunks().cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
    order = newest_first(user_at, moments, np.random.default_rng(0).permutation(len(items))[item_at])
    user_at, item_at, moments = user_at[order], item_at[order], moments[order]
    strengths = np.sqrt(table["weight"].to_numpy()[order]).astype(np.float32)
    n_items = np.bincount(user_at, minlength=len(users))
    first = np.repeat(np.cumsum(n_items) - n_items, n_items)
    is_new_step = np.ones(len(order), dtype=bool)
    is_new_step[1:] = (moments[1:] != moments[:-1]) | (user_at[1:] != user_at[:-1])
    step_numbers = np.cumsum(is_new_step)
    steps = (step_numbers - step_numbers[first]).astype(np.int32) if len(order) else np.empty(0, np.int32)
    is_kept = np.arange(len(order)) - first < max_items
    indptr = np.concatenate([[0], np.cumsum(np.minimum(n_items, max_items))])
    shape = (len(users), len(items))
    return users, items, csr_matrix((strengths[is_kept], item_at[is_kept], indptr), shape=shape), steps[is_kept]


def newest_first(user_at, moments, chances):
    """The places of rows by user, newest moment first, rows of one moment by their chance.

    np.lexsort((chances, -moments, user_at)), in a third of its time: one whole number for user and moment is sorted, and
    only what ties is put into order once more.
    """
    ages = moments.max(initial=0) - moments
    if (int(user_at.max(initial=0)) + 1) * (int(ages.max(initial=0)) + 1) >= 2**63:
        ages = np.unique(ages, return_inverse=True)[1]
    keys = user_at.astype(np.int64) * (ages.max(initial=0) + 1) + ages
    order = np.argsort(keys)
    keys = keys[order]
    is_like_next = np.zeros(len(keys) + 1, dtype=bool)
    is_like_next[1:-1] = keys[1:] == keys[:-1]
    tied = np.flatnonzero(is_like_next[1:] | is_like_next[:-1])
    order[tied] = order[tied][np.lexsort((chances[order[tied]], keys[tied]))]
    return order


def profiles(history, steps, decay, n_steps):
    """What speaks for a person now: the newest `n_steps` steps, each entry times decay ** steps back; CSR like history."""
    values = history.data * np.power(np.float32(decay), steps) * (steps < n_steps)
    profile = csr_matrix((values, history.indices, history.indptr), shape=history.shape, copy=True)
    profile.eliminate_zeros()
    return profile


def collaborative_neighbors(history, user_exponent, source_exponent, target_exponent, n):
    """The n items most often liked by the same people; CSR, items x items, without the diagonal.

    score(i, j) = sum over users u of x_ui x_uj d_u^-user_exponent d_i^-source_exponent d_j^-target_exponent, with d the
    sums of x; the cosine of the columns is the case 0, .5, .5. A target exponent below .5 lets what is popular stay
    ahead, a source exponent above it lets the rare items of a history speak louder, a user exponent above 0 lets a
    short history say more per item than a long one.
    """
    import implicit

    def degrees_to(power, axis):
        return np.power(np.maximum(np.asarray(history.sum(axis=axis), dtype=np.float64).ravel(), 1e-9), power)

    scaled = diags(degrees_to(-user_exponent / 2, 1)) @ history @ diags(degrees_to(-target_exponent, 0))
    scaled = scaled.tocsr().astype(np.float64)
    neighbors = without_diagonal(implicit.nearest_neighbours.all_pairs_knn(scaled, K=n + 1, show_progress=False))
    # A factor of the whole row doesn't change which items are in it, so the symmetric product serves.
    return (diags(degrees_to(target_exponent - source_exponent, 0).astype(np.float32)) @ neighbors).tocsr()


def without_diagonal(neighbors):
    """A sparse matrix of similarities as CSR of 32-bit floats, without self and zeros."""
    neighbors = neighbors.tocoo()
    is_kept = (neighbors.row != neighbors.col) & (neighbors.data > 0)
    values = neighbors.data[is_kept].astype(np.float32)
    return csr_matrix((values, (neighbors.row[is_kept], neighbors.col[is_kept])), shape=neighbors.shape)


def transitions(history, steps, item_exponent, n, reach=5):
    """The n items that most often came after an item; CSR, items (before) x items (after), without the diagonal.

    Each pair of a history at most `reach` places apart counts 1 / (its distance in steps); two items of one moment have
    no order and count half a step's worth in both directions. A column is divided by (the item's share of all arrivals)
    ** item_exponent, so that an item isn't what comes next merely because it comes often.
    """
    user_at = np.repeat(np.arange(history.shape[0]), np.diff(history.indptr))
    n_items = history.shape[1]
    total = csr_matrix((n_items, n_items), dtype=np.float32)
    for distance in range(1, reach + 1):
        is_pair = user_at[:-distance] == user_at[distance:]
        after, before = history.indices[:-distance][is_pair], history.indices[distance:][is_pair]
        gap = (steps[distance:] - steps[:-distance])[is_pair]
        counts = (1 / np.maximum(gap, 1) * np.where(gap == 0, 0.5, 1)).astype(np.float32)
        total = total + coo_matrix((counts, (before, after)), shape=(n_items, n_items)).tocsr()
        is_tied = gap == 0
        total = total + coo_matrix((counts[is_tied], (after[is_tied], before[is_tied])), shape=total.shape).tocsr()
    leaving = np.asarray(total.sum(axis=1)).ravel()
    arriving = np.asarray(total.sum(axis=0)).ravel()
    total = diags(1 / np.maximum(leaving, 1)) @ total @ diags(np.power(np.maximum(arriving, 1), -item_exponent))
    return best_of_rows(without_diagonal(total), n)


def best_of_rows(matrix, n):
    """A CSR matrix cut to the n largest positive entries of each row."""
    rows, columns, _, values = best_per_row(matrix, n)
    return csr_matrix((values.astype(np.float32), (rows, columns)), shape=matrix.shape)


def best_per_row(matrix, n):
    """The n largest positive entries of each row of a CSR matrix: rows, columns, ranks (from 1), scores.

    In falling order of the score, ties in the order of the columns.
    """
    kept = []
    for row in range(matrix.shape[0]):
        start, end = matrix.indptr[row], matrix.indptr[row + 1]
        values = matrix.data[start:end]
        if end - start > n:
            # All that tie with the nth stay until they are put into order.
            least = np.partition(values, end - start - n)[end - start - n]
            chosen = np.flatnonzero(values >= least)
        else:
            chosen = np.arange(end - start)
        chosen = chosen[values[chosen] > 0]
        chosen = chosen[np.lexsort((matrix.indices[start:end][chosen], -values[chosen]))][:n]
        kept.append(start + chosen)
    lengths = np.array([len(chosen) for chosen in kept], dtype=np.int64)
    positions = np.concatenate(kept) if kept else np.empty(0, dtype=np.int64)
    rows = np.repeat(np.arange(matrix.shape[0]), lengths)
    ranks = np.arange(len(positions)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + 1
    return rows, matrix.indices[positions], ranks, matrix.data[positions].astype(np.float64)


def content_matrix(texts):
    """TF-IDF vectors of texts, by scikit-learn: CSR, texts x terms, rows of length 1 (0 for texts without terms).

    Terms that stand in one text alone connect nothing, those in a tenth of all texts say nothing.
    """
    nothing = csr_matrix((len(texts), 1), dtype=np.float32)
    if not any(texts):
        return nothing
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(sublinear_tf=True, min_df=2, max_df=max(0.1, 20 / max(len(texts), 20)), dtype=np.float32)
    try:
        return vectorizer.fit_transform(texts)
    except ValueError:  # no term is left
        return nothing


def content_neighbors(texts, embeddings, n):
    """The n items most alike by what is said about them: CSR, items x items, scores between 0 and 1.

    texts: one per item. embeddings: (n_items, d) with zeros where an item has none, or None. Where there are both, the
    score is the mean of the two cosines, among the n best of each.
    """
    import implicit

    terms = content_matrix(texts).T.tocsr().astype(np.float64)
    by_text = without_diagonal(implicit.nearest_neighbours.all_pairs_knn(terms, K=n + 1, show_progress=False))
    if embeddings is None:
        return by_text
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    vectors = (embeddings / np.maximum(norms, 1e-12)).astype(np.float32)
    blocks = []
    for start in range(0, len(vectors), 1_000):
        cosines = vectors[start : start + 1_000] @ vectors.T
        cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = 0
        blocks.append(best_of_rows(csr_matrix(np.where(cosines > 0, cosines, 0)), n))
    return best_of_rows(((by_text + vstack(blocks)) / 2).tocsr(), n)


def best_neighbors(profile, neighbors, excluded, n):
    """The n items whose neighbours speak loudest for a person: like `best_items`, for profiles and neighbours in CSR.

    score(u, j) = sum over i of profile(u, i) neighbors(i, j).
    """
    scores = (profile @ neighbors).tocsr()
    if excluded.nnz:
        scores = (scores - excluded.multiply(np.float32(np.finfo(np.float32).max / 2))).tocsr()
    return best_per_row(scores, n)


def strongest_sources(profile, neighbors, users, items, entries_per_block=2_000_000):
    """For pairs of users and items (arrays of places), the item of the profile that says most for it: column or -1.

    The largest profile(u, i) neighbors(i, j) over i, of equals the first column; -1 where nothing speaks for the item.
    neighbors: CSR with sorted columns. Memory grows with a block of pairs, whose profiles have so many entries together.
    """
    n_entries = np.diff(profile.indptr)[users]
    strongest = np.full(len(users), -1, dtype=np.int32)
    block_at = np.cumsum(n_entries) // entries_per_block
    for pairs in np.split(np.arange(len(users)), np.flatnonzero(np.diff(block_at)) + 1):
        pairs = pairs[n_entries[pairs] > 0]
        if len(pairs) == 0:
            continue
        lengths = n_entries[pairs]
        starts = np.cumsum(lengths) - lengths
        entries = np.arange(lengths.sum()) + np.repeat(profile.indptr[users[pairs]] - starts, lengths)
        sources = profile.indices[entries]
        values = np.asarray(neighbors[sources, np.repeat(items[pairs], lengths)]).ravel() * profile.data[entries]
        largest = np.maximum.reduceat(values, starts)
        is_largest = values == np.repeat(largest, lengths)
        first = np.minimum.reduceat(np.where(is_largest, sources, profile.shape[1]), starts)
        strongest[pairs] = np.where(largest > 0, first, -1)
    return strongest
{% endraw %}{% endmacro %}
