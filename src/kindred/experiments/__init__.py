"""Experiments: shares of bandits, and what else of their statistics isn't SQL."""
