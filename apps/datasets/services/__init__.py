"""What changes datasets: a draft is built, then published, and then never changes again."""

from apps.datasets.services import erasing
from apps.datasets.services.building import build_dataset
from apps.datasets.services.publishing import publish_dataset

__all__ = ["build_dataset", "erasing", "publish_dataset"]
