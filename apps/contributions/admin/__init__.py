from apps.contributions.admin import desk, duplicates, examples, privacy, records, references, testers, uploads

__all__ = ["desk", "duplicates", "examples", "privacy", "records", "references", "testers", "uploads"]
