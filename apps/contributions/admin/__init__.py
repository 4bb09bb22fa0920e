from apps.contributions.admin import examples, records, testers

__all__ = ["examples", "records", "testers"]
