from apps.contributions.admin import desk, examples, privacy, records, references, testers

__all__ = ["desk", "examples", "privacy", "records", "references", "testers"]
