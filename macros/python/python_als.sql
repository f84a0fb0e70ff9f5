{#- Implicit-feedback alternating least squares: training, a person's vector, a person's best items. -#}
{#- `import implicit` and never a part of it: it imports its parts itself, in a circle, and dbt's threads that begin with
    different parts at the same time deadlock. -#}
{% macro python_als() %}{% raw %}
def fill_als_settings(settings, weights):
    """ALS's settings with what is `auto` taken from the size and the density of a CSR matrix of weights.

    alpha: so that all confidence in what was seen stands in a fixed proportion to the number of all pairs: what is best
    on dense and on sparse shops moves with their density. factors: the largest power of two that leaves four items for
    each factor and costs at most 3e10 operations per iteration, a few seconds on two cores.
    """
    n_users, n_items = weights.shape
    settings = dict(settings)
    if settings["alpha"] == "auto":
        settings["alpha"] = 0.06 * n_users * n_items / max(float(np.abs(weights.data, dtype=np.float64).sum()), 1e-9)
    if settings["regularization"] == "auto":
        settings["regularization"] = 30.0
    if settings["factors"] == "auto":
        costs = {f: 8 * weights.nnz * f + 6 * (n_users + n_items) * f**2 for f in (16, 32, 64, 128, 256)}
        settings["factors"] = max((f for f, cost in costs.items() if cost <= 3e10 and 4 * f <= n_items), default=16)
    return settings


def train_item_factors(matrix, factors, iterations, regularization, on_iteration=None):
    """Item factors, (n_items, factors) of float32, of a CSR matrix of signed confidences (users x items)."""
    import implicit
    from threadpoolctl import threadpool_limits

    # implicit runs its own threads; a BLAS that does the same fights with them.
    with threadpool_limits(limits=1, user_api="blas"):
        als = implicit.cpu.als.AlternatingLeastSquares(
            factors=factors, iterations=iterations, regularization=regularization, random_state=0
        )
        als.fit(matrix, show_progress=False, callback=on_iteration)
    return als.item_factors


def solve_user_factors(matrix, item_factors, regularization):
    """User factors, (n_users, factors) of float32, for a CSR matrix of signed confidences (users x items).

    Solves (Y'Y + regularization I + Y_u' (|C_u| - I) Y_u) x = Y_u' C_u p for each user u, where Y_u has the vectors of
    the items that u met and p is 1 where the confidence is positive, else 0. A plain loop over matrix products takes
    two fifths of the time of implicit's own Cholesky solver (9.6 against 24 CPU seconds for 138,000 x 64).
    """
    import os
    from concurrent.futures import ThreadPoolExecutor

    from threadpoolctl import threadpool_limits

    n_users, n_factors = matrix.shape[0], item_factors.shape[1]
    # The equations of a block take at most 80 MB.
    users_per_block = max(1, 20_000_000 // n_factors**2)
    gram = item_factors.T @ item_factors + regularization * np.eye(n_factors, dtype=np.float32)
    solution = np.empty((n_users, n_factors), dtype=np.float32)

    def solve_block(start):
        users = range(start, min(start + users_per_block, n_users))
        left = np.empty((len(users), n_factors, n_factors), dtype=np.float32)
        right = np.empty((len(users), n_factors), dtype=np.float32)
        for row, user in enumerate(users):
            met = slice(matrix.indptr[user], matrix.indptr[user + 1])
            vectors, confidences = item_factors[matrix.indices[met]], matrix.data[met]
            scaled = vectors * np.sqrt(np.abs(confidences) - 1)[:, None]
            left[row] = gram + scaled.T @ scaled
            right[row] = np.maximum(confidences, 0) @ vectors
        solution[users.start : users.stop] = np.linalg.solve(left, right[:, :, None])[:, :, 0]

    # One thread per block, so none within the small products.
    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(solve_block, range(0, n_users, users_per_block)))
    return solution


def best_items(user_factors, item_factors, excluded, n):
    """The n best items of each user, as columns: user position, item position, rank (from 1), score.

    user_factors: (n_users, f); item_factors: (n_items, f); excluded: CSR, users x items, nonzero = not to be proposed.
    """
    import implicit
    from threadpoolctl import threadpool_limits

    n_users, n_items = excluded.shape
    with threadpool_limits(limits=1, user_api="blas"):
        als = implicit.cpu.als.AlternatingLeastSquares(factors=item_factors.shape[1])
        als.user_factors, als.item_factors = user_factors, item_factors
        items, scores = als.recommend(np.arange(n_users), excluded, N=min(n, n_items), filter_already_liked_items=True)
    order = np.lexsort((items, -scores), axis=1)
    items, scores = np.take_along_axis(items, order, axis=1), np.take_along_axis(scores, order, axis=1)
    # Where fewer than n items remain, implicit fills up with excluded ones at the lowest float.
    is_real = scores > np.finfo(np.float32).min
    users, ranks = np.nonzero(is_real)
    return users, items[is_real], ranks + 1, scores[is_real].astype(np.float64)
{% endraw %}{% endmacro %}
