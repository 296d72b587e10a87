"""Knowledge bases: documents parsed, cut, indexed, searched and cited. Nothing heavy is imported before it is used."""

from coachwork.knowledge.config import KnowledgeConfig
from coachwork.knowledge.knowledge_base import KnowledgeBase

__all__ = ["KnowledgeBase", "KnowledgeConfig"]
