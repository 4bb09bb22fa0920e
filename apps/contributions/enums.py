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


class ExampleOutcome(models.TextChoices):
    """What became of a model's answer (PB2). An abandoned one counts as rejected."""

    ACCEPTED = "accepted", "Accepted as it was"
    ACCEPTED_WITH_EDITS = "accepted_with_edits", "Accepted with edits"
    REJECTED = "rejected", "Rejected"
    REGENERATED = "regenerated", "Asked for again"


class QualityBand(models.TextChoices):
    """What a quality score is good for: page builders export from 0.5 (PB3), datasets take from 0.7 (RT1)."""

    UNRATED = "unrated", "Not rated"
    LOW = "low", "Below 0.5"
    FAIR = "fair", "0.5 to below 0.7"
    GOOD = "good", "0.7 and better"


class SearchStatus(models.TextChoices):
    """Of a search for duplicates."""

    REQUESTED = "requested", "Asked for"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"

    @classmethod
    def open(cls) -> set["SearchStatus"]:
        return {cls.REQUESTED, cls.RUNNING}


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


class SkipReason(models.TextChoices):
    UNCLEAR = "unclear", "I cannot tell what is meant"
    TWO_FIT = "two_fit", "More than one answer is right"
    NOT_MY_FIELD = "not_my_field", "I do not know enough about it"
    LANGUAGE = "language", "It is in a language I do not read"
    PERSONAL_DATA = "personal_data", "It holds somebody's personal data"
    HARMFUL = "harmful", "It is insulting, illegal or disturbing"
    BROKEN = "broken", "It is broken or empty"
    OTHER = "other", "Something else"

    @classmethod
    def for_skipping(cls) -> list["SkipReason"]:
        """Somebody else may know."""
        return [cls.UNCLEAR, cls.TWO_FIT, cls.NOT_MY_FIELD, cls.LANGUAGE, cls.OTHER]

    @classmethod
    def for_reporting(cls) -> list["SkipReason"]:
        """Nobody should be asked before staff have looked."""
        return [cls.PERSONAL_DATA, cls.HARMFUL, cls.BROKEN, cls.OTHER]


class UploadStatus(models.TextChoices):
    """The stages of an upload (AV15), in order."""

    RECEIVED = "received", "Received"
    EXTRACTING = "extracting", "Reading the text"
    NEEDS_SPEAKER = "needs_speaker", "Waiting: who is the persona?"
    PAIRING = "pairing", "Finding conversation pairs"
    CHOOSING = "choosing", "Choosing few-shot examples"
    ANALYSING = "analysing", "Analysing how the speaker speaks"
    CHECKING = "checking", "Checking the rows"  # from here on: of files of examples, see services/row_files.py
    CHECKED = "checked", "Waiting: store these rows?"
    STORING = "storing", "Storing the rows"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    WITHDRAWN = "withdrawn", "Withdrawn"

    @classmethod
    def open(cls) -> set["UploadStatus"]:
        """A worker has something to do."""
        return {cls.RECEIVED, cls.EXTRACTING, cls.PAIRING, cls.CHOOSING, cls.ANALYSING}

    @classmethod
    def stages(cls) -> list["UploadStatus"]:
        """The way of an upload that nothing stops."""
        return [cls.RECEIVED, cls.EXTRACTING, cls.PAIRING, cls.CHOOSING, cls.ANALYSING, cls.DONE]


class ProtectedKind(models.TextChoices):
    PERSON = "person", "Person"
    BUSINESS = "business", "Business"
    EMAIL = "email", "E-mail address"
    PHONE = "phone", "Telephone number"
    ADDRESS = "address", "Address"


class WithdrawalScope(models.TextChoices):
    TESTER = "tester", "Everything of one tester"
    EXAMPLES = "examples", "Chosen examples"
    ORGANIZATION = "organization", "Everything of the organization"


class WithdrawalStatus(models.TextChoices):
    REQUESTED = "requested", "Requested"
    ERASING = "erasing", "Erasing"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"

    @classmethod
    def open(cls) -> set["WithdrawalStatus"]:
        return {cls.REQUESTED, cls.ERASING}
