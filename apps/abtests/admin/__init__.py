from apps.abtests.admin.abtests import ABTestAdmin
from apps.abtests.admin.records import ObservationAdmin, RolloutAdmin

__all__ = ["ABTestAdmin", "ObservationAdmin", "RolloutAdmin"]
