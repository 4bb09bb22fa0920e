"""The readers, by the kind of file. Imported by the child process alone."""

from apps.common.registry import Registry
from apps.contributions.formats.documents.base import Reader
from apps.contributions.formats.documents.image import Picture
from apps.contributions.formats.documents.kinds import FileKind
from apps.contributions.formats.documents.pdf import Pdf
from apps.contributions.formats.documents.text import Text

READERS: Registry[Reader] = Registry("document reader")
READERS.register(Text())
READERS.register(Pdf())
READERS.register(Picture())

BY_KIND: dict[FileKind, Reader] = {kind: reader for reader in READERS for kind in reader.kinds}
