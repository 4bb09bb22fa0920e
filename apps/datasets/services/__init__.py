"""What changes datasets: a draft is built, then published, and then never changes again."""

from apps.datasets.services import erasing
from apps.datasets.services.building import build_dataset
from apps.datasets.services.publishing import approve_and_publish_dataset, approve_dataset, publish_dataset

__all__ = ["approve_and_publish_dataset", "approve_dataset", "build_dataset", "erasing", "publish_dataset"]
