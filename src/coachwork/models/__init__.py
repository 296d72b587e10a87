"""Models by route: one call in, one stream of events out. `from coachwork.models import Models, ModelsConfig`."""

from coachwork.models.breaker import ModelHealth
from coachwork.models.check import ModelCheck
from coachwork.models.config import ModelConfig, ModelsConfig, ProviderConfig, RouteConfig
from coachwork.models.embedding import Embeddings
from coachwork.models.facade import Models
from coachwork.models.ledger import CallRecord
from coachwork.models.overview import ModelInfo, RouteInfo
from coachwork.models.speech import Heard
from coachwork.providers.weights import Progress

__all__ = [
    "CallRecord",
    "Embeddings",
    "Heard",
    "ModelCheck",
    "ModelConfig",
    "ModelHealth",
    "ModelInfo",
    "Models",
    "ModelsConfig",
    "Progress",
    "ProviderConfig",
    "RouteConfig",
    "RouteInfo",
]
