"""Where documents come from besides the knowledge base's own folder. `Item` and `Source` are the contract."""

from coachwork.knowledge.sources.contract import Item, Source

__all__ = ["Item", "Source"]
