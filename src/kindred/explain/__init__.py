"""Explains one case from the warehouse's tables: why a person has a list, and why an item is or isn't in it."""
