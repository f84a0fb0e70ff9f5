{#- Sparse linear methods: what each item's neighbours say of it when they are heard together. -#}
{% macro python_slim() %}{% raw %}
MAX_REGRESSION_ENTRIES = 4_000_000


def item_regressions(history, user_exponent, ridge, n):
    """Each item's ridge regression on the n items most often liked by the same people; CSR, items that a person has x
    items that they speak for, positive weights alone, no diagonal.

    Neighbours that say the same share what they say once, where sums of similarities count it twice. Columns are
    normalised by degree, x_ui d_u^(-user_exponent / 2) d_i^(-1 / 2), and `ridge` is in units of the mean square of an
    item's regressors. Two of them that aren't among the 4 n nearest of one another count as never met, which keeps the
    time linear in the items; of a history of more than MAX_REGRESSION_ENTRIES entries the people are a sample.

    Source: SLIM with items selected beforehand (fsSLIM: X. Ning and G. Karypis, ICDM 2011), with the squared norm alone,
    as in H. Steck, "Markov Random Fields for Collaborative Filtering", NeurIPS 2019. Weights below 0 are left out: they
    made no list better on any shop that was tried.
    """
    import implicit
    from threadpoolctl import threadpool_limits

    if history.nnz > MAX_REGRESSION_ENTRIES:
        drawn = np.random.default_rng(0).permutation(history.shape[0])
        n_people = np.searchsorted(np.cumsum(np.diff(history.indptr)[drawn]), MAX_REGRESSION_ENTRIES, "right")
        history = history[np.sort(drawn[:n_people])]
    by_user = np.maximum(np.asarray(history.sum(axis=1), dtype=np.float64).ravel(), 1e-9)
    by_item = np.maximum(np.asarray(history.sum(axis=0), dtype=np.float64).ravel(), 1e-9)
    columns = (diags(by_user ** (-user_exponent / 2)) @ history @ diags(by_item**-0.5)).tocsr().astype(np.float64)
    squares = np.asarray(columns.multiply(columns).sum(axis=0)).ravel()
    products = implicit.nearest_neighbours.all_pairs_knn(columns, K=4 * n + 1, show_progress=False)
    products = without_diagonal(products)
    products = products.maximum(products.T).tocsr()
    nearest = best_of_rows(products, n)
    nearest.sort_indices()
    weights = np.zeros(nearest.nnz, dtype=np.float32)
    # Systems of a hundred unknowns are done before a second thread has begun.
    with threadpool_limits(limits=1, user_api="blas"):
        for item in np.flatnonzero(np.diff(nearest.indptr)):
            start, end = nearest.indptr[item : item + 2]
            chosen = nearest.indices[start:end]
            system = products[chosen][:, chosen].toarray().astype(np.float64)
            system[np.diag_indices(len(chosen))] = squares[chosen] + ridge * squares[chosen].mean()
            weights[start:end] = np.linalg.solve(system, nearest.data[start:end])
    spoken_for = np.repeat(np.arange(nearest.shape[0]), np.diff(nearest.indptr))
    is_kept = weights > 0
    return csr_matrix((weights[is_kept], (nearest.indices[is_kept], spoken_for[is_kept])), shape=nearest.shape)


def scale_regressions(regressions, history, source_exponent, target_exponent, n):
    """Weights as `best_neighbors` wants them: times d_i^-source_exponent of what a person has, d_j^target_exponent of
    what it speaks for, with d the sums of the columns of a history; the n largest of each item that a person has."""
    by_source, by_target = degrees(history, -source_exponent), degrees(history, target_exponent)
    return best_of_rows((diags(by_source) @ regressions @ diags(by_target)).tocsr(), n)
{% endraw %}{% endmacro %}
