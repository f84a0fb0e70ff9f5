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
