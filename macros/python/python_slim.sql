{#- Sparse linear methods: what each item's neighbours say of it when they are heard together. -#}
{% macro python_slim() %}{% raw %}
MAX_REGRESSION_ENTRIES = 4_000_000


def item_regressions(history, user_exponent, ridge, n):
    """Each item's ridge regression on the n items most often liked by the same people; CSR, items that a person has x
    items that they speak for, positive weights alone, no diagonal.

    Neighbours that say the same share what they say once, where sums of similarities count it twice. Columns are
    normalised by degree, x_ui d_u^(-user_exponent / 2) d_i^(-1 / 2), and `ridge` is in units of the mean square of an
    item's regressors. Of a history of more than MAX_REGRESSION_ENTRIES entries the people are a sample.

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
    columns = (diags(by_user ** (-user_exponent / 2)) @ history @ diags(by_item**-0.5)).T.tocsr().astype(np.float64)
    nearest = implicit.nearest_neighbours.all_pairs_knn(columns.T.tocsr(), K=n + 1, show_progress=False)
    nearest = without_diagonal(nearest)
    nearest.sort_indices()

    def solve(item):
        """The weights of an item's neighbours, in their order."""
        chosen = columns[np.append(nearest.indices[nearest.indptr[item] : nearest.indptr[item + 1]], item)]
        # People who like none of them would cost a place each in every product.
        people, places = np.unique(chosen.indices, return_inverse=True)
        chosen = csr_matrix((chosen.data, places, chosen.indptr), shape=(chosen.shape[0], len(people)))
        products = (chosen @ chosen.T).toarray()
        products, wanted = products[:-1, :-1], products[:-1, -1]
        products[np.diag_indices(len(products))] += ridge * products.diagonal().mean()
        return np.linalg.solve(products, wanted)

    asked = np.flatnonzero(np.diff(nearest.indptr))
    weights = np.zeros(nearest.nnz, dtype=np.float32)
    # Systems of a hundred unknowns are done before a second thread has begun.
    with threadpool_limits(limits=1, user_api="blas"):
        for item in asked:
            weights[nearest.indptr[item] : nearest.indptr[item + 1]] = solve(item)
    spoken_for = np.repeat(np.arange(nearest.shape[0]), np.diff(nearest.indptr))
    is_kept = weights > 0
    pairs = (nearest.indices[is_kept], spoken_for[is_kept])
    return csr_matrix((weights[is_kept], pairs), shape=nearest.shape)


def scale_regressions(regressions, history, source_exponent, target_exponent):
    """Weights as `best_neighbors` wants them: times d_i^-source_exponent of what a person has, d_j^target_exponent of
    what it speaks for, with d the sums of the columns of a history."""
    by_source, by_target = degrees(history, -source_exponent), degrees(history, target_exponent)
    return (diags(by_source) @ regressions @ diags(by_target)).tocsr()
{% endraw %}{% endmacro %}
