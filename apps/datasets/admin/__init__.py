from apps.datasets.admin.datasets import TrainingDatasetAdmin
from apps.datasets.admin.items import DatasetItemAdmin, ItemCreditAdmin

__all__ = ["DatasetItemAdmin", "ItemCreditAdmin", "TrainingDatasetAdmin"]
