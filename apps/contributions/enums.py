from django.db import models


class ExampleKind(models.TextChoices):
    PAGE_GENERATION = "page_generation", "Page generation"
    TOOL_INVOCATION = "tool_invocation", "Tool invocation"
    DESIGN_CHOICE = "design_choice", "Design choice"
    SECTION_EDIT = "section_edit", "Section edit"
    UX_TEST = "ux_test", "Website test"
    SURVEY_ANSWER = "survey_answer", "Survey answer"
    CHAT_TURN = "chat_turn", "Chat turn"
    ROAST = "roast", "Roast"


class ExampleSource(models.TextChoices):
    RUN = "run", "Task run"
    CHAT = "chat", "Chat"
    UPLOAD = "upload", "Upload"
    IMPORT = "import", "Import"
    SYNTHETIC = "synthetic", "Synthetic"
    CORRECTION = "correction", "Correction"


class ExampleStatus(models.TextChoices):
    AWAITING_LABELS = "awaiting_labels", "Awaiting labels"
    ACCEPTED = "accepted", "Accepted"
    DISPUTED = "disputed", "Labels disagree"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"

    @classmethod
    def undecided(cls) -> set["ExampleStatus"]:
        return {cls.AWAITING_LABELS, cls.DISPUTED}


class Split(models.TextChoices):
    TRAIN = "train", "Training"
    VALIDATION = "validation", "Validation"
    TEST = "test", "Test: never trained on"


class TesterStatus(models.TextChoices):
    INVITED = "invited", "Invited"
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    WITHDRAWN = "withdrawn", "Withdrawn"

    @classmethod
    def may_consent(cls) -> set["TesterStatus"]:
        """Consenting again, to a newer wording, is fine; a paused tester has been told to wait."""
        return {cls.INVITED, cls.ACTIVE}
