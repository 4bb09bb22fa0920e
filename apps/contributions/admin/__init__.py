from apps.contributions.admin import desk, duplicates, examples, privacy, records, references, testers

__all__ = ["desk", "duplicates", "examples", "privacy", "records", "references", "testers"]
