"""Text in pictures, by tesseract where the operator installed it. It works in the languages it was installed with."""

import shutil
from dataclasses import dataclass
from functools import cache
from subprocess import CalledProcessError

import pytesseract
from PIL import Image

MAX_LANGUAGES = 3  # each one more makes it slower and less sure


@dataclass(frozen=True)
class Tesseract:
    version: str
    languages: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"tesseract {self.version} ({'+'.join(self.languages)})"

    def read(self, image: Image.Image) -> str:
        """The text in a picture; none where tesseract fails at it, out of memory, say."""
        try:
            return str(pytesseract.image_to_string(image, lang="+".join(self.languages))).strip()
        except (pytesseract.TesseractError, OSError):
            return ""


@cache
def installed() -> Tesseract | None:
    """The recogniser of this machine, if it has one that can read any language."""
    if shutil.which("tesseract") is None:
        return None
    try:
        version = str(pytesseract.get_tesseract_version())
        found = pytesseract.get_languages()
    except (pytesseract.TesseractError, CalledProcessError, SystemExit, OSError):  # SystemExit: it answers no version
        return None
    languages = sorted(set(found) - {"osd", "equ"}, key=lambda code: (code != "eng", code))[:MAX_LANGUAGES]
    return Tesseract(version, tuple(languages)) if languages else None


def describe_pages_without_text(pages: int, recogniser: Tesseract | None) -> str:
    """What to tell who uploaded pages that no text came from."""
    holds = "1 page holds" if pages == 1 else f"{pages:,} pages hold"
    if recogniser is not None:
        return f"{holds} no text that {recogniser.name} could read."
    wayout = "install tesseract or let your organization allow the provider's vision model"
    return f"{holds} no text, only pictures or nothing; to have pictures read, {wayout}."
