"""The sample shop: a seeded world whose hidden tastes are known."""
