{#- Which items are alike by what is said about them. -#}
{% macro python_content() %}{% raw %}
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
{% endraw %}{% endmacro %}
