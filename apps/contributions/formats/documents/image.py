"""Pictures: screenshots of chats and photographed pages. Their first frame, the right way up, is given to tesseract."""

import warnings
from collections.abc import Iterator, Sequence
from io import BytesIO

from PIL import Image, ImageOps

from apps.common.errors import InvalidInput
from apps.contributions.formats.documents import recognition
from apps.contributions.formats.documents.base import MAX_PIXELS, Extracted, Report
from apps.contributions.formats.documents.kinds import FileKind

Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow refuses to decode twice as many, whatever happens here


class Picture:
    name = "image"
    kinds = frozenset(FileKind.pictures())

    def read(self, data: bytes, *, kind: FileKind, report: Report) -> Extracted:
        image = open_picture(data, kind)
        notes = ["Only the first of its pictures was read."] if getattr(image, "n_frames", 1) > 1 else []
        upright = decode_picture(image)
        recogniser = recognition.installed()
        text = recogniser.read(upright) if recogniser else ""
        if not text:
            notes.append(recognition.describe_pages_without_text(1, recogniser))
        report(1, 1)
        return Extracted(
            text=text,
            pages=1,
            pages_without_text=() if text else (1,),
            recogniser=recogniser.name if recogniser else "",
            warnings=tuple(notes),
        )

    def show(self, data: bytes, *, kind: FileKind, pages: Sequence[int]) -> Iterator[Image.Image]:
        if 1 in pages:
            yield decode_picture(open_picture(data, kind))


def open_picture(data: bytes, kind: FileKind) -> Image.Image:
    """The picture by its header, not decoded yet; InvalidInput where that promises too many pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the next lines say it better
        try:
            image = Image.open(BytesIO(data), formats=[kind.value])
        except Image.DecompressionBombError:
            raise _too_many_pixels("more than twice that") from None
    if image.width * image.height > MAX_PIXELS:
        raise _too_many_pixels(f"{image.width:,} × {image.height:,}")
    return image


def decode_picture(image: Image.Image) -> Image.Image:
    """The first frame in colour, turned as the camera was held, on white where it is transparent."""
    image.seek(0)
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        layered = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered)
    return upright.convert("RGB")


def _too_many_pixels(size: str) -> InvalidInput:
    return InvalidInput(
        f"The picture has more than {MAX_PIXELS:,} pixels ({size}).",
        resolution="Scale it down, or upload a screenshot of the part that matters.",
        code="too_many_pixels",
    )
