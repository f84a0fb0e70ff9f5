"""The ranker: what it sees, how it learns, and the scores that it gives."""
