"""OpenAI's published rules of fine-tuning that both sides of the protocol go by: we as its client, and the trainer."""

MIN_EXAMPLES = 10  # in a training file

DEFAULT_EPOCHS, MAX_DEFAULT_EPOCHS = 3, 25
MIN_TRAINED, MAX_TRAINED = 100, 25_000  # examples times epochs


def default_epochs(examples: int) -> int:
    """How often a file is gone through when nobody says ("auto"): 3 times, more if it is small, less if very big."""
    if examples <= 0:
        return 0
    if examples * DEFAULT_EPOCHS < MIN_TRAINED:
        return min(MAX_DEFAULT_EPOCHS, MIN_TRAINED // examples)
    if examples * DEFAULT_EPOCHS > MAX_TRAINED:
        return max(1, MAX_TRAINED // examples)
    return DEFAULT_EPOCHS
