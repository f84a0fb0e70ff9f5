"""Lists for apps from published releases: `from kindred.serving import Store`. Standard library alone."""

from kindred.serving.store import Filters, NoRelease, ReleaseGone, Store

__all__ = ["Filters", "NoRelease", "ReleaseGone", "Store"]
