{#- Session-based nearest neighbours: who had the same items lately, and what they had besides. -#}
{% macro python_sessions() %}{% raw %}
# What a long session has to share more than a short one to be as near.
LENGTH_EXPONENT = 0.6


def newest_moments(interactions, users, fold):
    """When each of the users last touched something they like: numbers that rise with time."""
    table = read_table(interactions, ["user_id", "last_at"], f"fold = '{fold}' and weight > 0")
    user_at = encode_ids(table["user_id"], users)[1]
    moments = np.zeros(len(users), dtype=np.int64)
    np.maximum.at(
        moments, user_at, table["last_at"].combine_chunks().cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
    )
    return moments


def newest_sessions(sessions, moments, n):
    """A CSR matrix of sessions x items cut to the n newest sessions of each item; of equals whichever a seed draws."""
    # Sessions in the order of time, newest first: then the first n of a column are wanted.
    order = np.lexsort((np.random.default_rng(0).permutation(len(moments)), -moments))
    columns = sessions[order].tocsc()
    item_at = np.repeat(np.arange(columns.shape[1]), np.diff(columns.indptr))
    is_kept = np.arange(columns.nnz) - columns.indptr[item_at] < n
    entries = (columns.data[is_kept], (order[columns.indices[is_kept]], item_at[is_kept]))
    return csr_matrix(entries, shape=sessions.shape)


def degrees(sessions, exponent):
    """The sums of the columns, to a power, as 32-bit floats; what nobody has counts as 1."""
    sums = np.asarray(sessions.sum(axis=0), dtype=np.float64).ravel()
    return np.power(np.maximum(sums, 1), exponent).astype(np.float32)


def fill_session_settings(settings, history):
    """Settings of `sessions` with n_items, where it is `auto`, as long as memory allows: 200, 100 or 50.

    Long sessions find better neighbours on all shops that were tried (DECISIONS.md); 7 million entries of all sessions
    together are what the largest ones have at 50.
    """
    if settings["n_items"] != "auto":
        return settings
    lengths = np.diff(history.indptr)
    fitting = (n for n in (200, 100) if np.minimum(lengths, n).sum() <= 7_000_000)
    return settings | {"n_items": next(fitting, 50)}


class SessionNeighbors:
    """What people with a like session had in theirs, for the people of a history (as `read_history` returns it).

    history, steps: users x items and the steps back of its entries, uncut. moments: when each person's session ended. settings:
    those of the generator `sessions`. is_shown: 1 for each item that may be proposed, 0 for others; None = all.
    """

    def __init__(self, history, steps, moments, settings, is_shown=None):
        settings = fill_session_settings(settings, history)
        n_items = int(settings["n_items"])
        place = np.arange(history.nnz) - np.repeat(history.indptr[:-1], np.diff(history.indptr))
        sessions = profiles(history, np.where(place < n_items, steps, n_items), settings["memory_decay"], n_items)
        # A session's entries are divided by (its sum of squares) ** LENGTH_EXPONENT and (the item's sum) **
        # source_exponent: else a long session were near everybody, and a popular item said as much as a rare one.
        lengths = np.asarray(sessions.multiply(sessions).sum(axis=1), dtype=np.float64).ravel()
        by_length = np.power(np.maximum(lengths, 1e-9), -LENGTH_EXPONENT).astype(np.float32)
        newest = newest_sessions(sessions, moments, int(settings["per_item"]))
        self.index = (diags(by_length) @ newest @ diags(degrees(sessions, -settings["source_exponent"]))).T.tocsr()
        is_shown = np.ones(history.shape[1], dtype=np.float32) if is_shown is None else is_shown
        self.proposals = (sessions @ diags(degrees(sessions, -settings["target_exponent"]) * is_shown)).tocsr()
        own = np.where(place < n_items, steps, int(settings["n_steps"]))
        self.profile = profiles(history, own, settings["decay"], int(settings["n_steps"]))
        self.n_sessions = int(settings["n_sessions"])

    def nearest(self, people):
        """The nearest sessions of people (an array of places) but their own: CSR, people x sessions, similarities."""
        near = (self.profile[people] @ self.index).tocsr()
        near.data[near.indices == np.repeat(people, np.diff(near.indptr))] = 0
        return best_of_rows(near, self.n_sessions)

    def best(self, people, excluded, n):
        """The n best items of people (an array of places), like `best_items`; excluded: CSR, a row for each of them."""
        return best_neighbors(self.nearest(people), self.proposals, excluded, n)
{% endraw %}{% endmacro %}
