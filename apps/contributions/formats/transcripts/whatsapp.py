"""A chat exported from WhatsApp: by iPhones `[12.03.24, 18:45:10] Anna: …`, by Android `12/03/2024, 18:45 - Anna: …`.

Lines without a time belong to the message above. Marks of direction are taken out; on iPhones one of them (U+200E)
begins what the program wrote and no person did. A file is one chat: silences longer than `stamps.GAP` part its
conversations.
"""

import re
from dataclasses import dataclass

from apps.contributions.formats.transcripts.base import LeftOut, Transcript, Turn
from apps.contributions.formats.transcripts.stamps import DATE, TIME, begin_messages, conversations_of, read_stamps

HEADER = re.compile(rf"[\u200e\u200f]*(?:\[({DATE}),?\s({TIME})\]|({DATE}),?\s({TIME})\s[-–])\s(.*)")
SPEAKER = re.compile(r'(?:~\s)?([^:"“”\n]{1,60}):(?:\s(.*))?$')  # quotation marks: Anna changed the subject to "A: B"
BY_PROGRAM = re.compile("\u200e.*$", re.MULTILINE)
MARKS = re.compile("[\u200e\u200f\u202a-\u202c\u2066-\u2069]")
IN_BRACKETS = re.compile(r"<[^<>\n]{2,60}>$")  # <Media omitted>, <Medien ausgeschlossen>, <Без медиафайлов>, ...
MEDIA = re.compile(  # the same without brackets, as some telephones have it, and attached files by their names
    r"((image|video|audio|sticker|GIF|document|contact card|video note) omitted"
    r"|(Bild|Video|Audio|Sticker|GIF|Dokument|Kontaktkarte|Videonotiz) weggelassen"
    r"|(imagen|audio|sticker|GIF|documento|vídeo|video|tarjeta de contacto) omitid[oa]"
    r"|(image|vidéo|audio|sticker|GIF|document|fiche contact) absente?"
    r"|(immagine|video|audio|sticker|GIF|documento) omess[oa]"
    r"|(imagem|vídeo|áudio|figurinha|GIF|documento) ocultad[oa]"
    r"|(afbeelding|video|audio|sticker|GIF|document) weggelaten"
    r"|null"
    r"|\S.{0,120}\.\w{2,5} \((file attached|Datei angehängt|archivo adjunto|fichier joint|file allegato|"
    r"arquivo anexado|bestand bijgevoegd|файл добавлен)\))$",
    re.IGNORECASE,
)
DELETED = re.compile(
    r"(This message was deleted|You deleted this message"
    r"|Diese Nachricht wurde gelöscht|Du hast diese Nachricht gelöscht"
    r"|Se eliminó este mensaje|Eliminaste este mensaje"
    r"|Ce message a été supprimé|Vous avez supprimé ce message"
    r"|Questo messaggio è stato eliminato|Hai eliminato questo messaggio"
    r"|Mensagem apagada|Você apagou esta mensagem"
    r"|Esta mensagem foi apagada|Dit bericht is verwijderd"
    r"|U hebt dit bericht verwijderd|Missed (voice|video) call)\.?$",
    re.IGNORECASE,
)


@dataclass
class _Message:
    stamp: tuple[str, str]
    speaker: str  # nobody, where the program speaks
    lines: list[str]


class WhatsApp:
    name = "whatsapp"
    title = "WhatsApp export"
    example = "12/03/2024, 18:45 - Anna: See you at eight"

    def recognises(self, text: str) -> bool:
        return begin_messages(text, _message)

    def read(self, text: str) -> Transcript:
        transcript = Transcript()
        messages = _messages(text, transcript)
        turns = []
        for message, at in zip(messages, read_stamps([message.stamp for message in messages]), strict=True):
            reason, said = _judge(message)
            if reason is None:
                turns.append(Turn(message.speaker, said, at))
            else:
                transcript.left_out[reason] += 1
        transcript.conversations.extend(conversations_of(turns))
        return transcript


def _messages(text: str, transcript: Transcript) -> list[_Message]:
    messages: list[_Message] = []
    for line in text.split("\n"):
        begun = _message(line)
        if begun is not None:
            messages.append(begun)
        elif messages:
            messages[-1].lines.append(line)
        elif line.strip():
            transcript.left_out[LeftOut.BEFORE_FIRST_SPEAKER] += 1
    return messages


def _message(line: str) -> _Message | None:
    """The message that begins on this line, if one does."""
    header = HEADER.match(line)
    if header is None:
        return None
    stamp = (header[1] or header[3], header[2] or header[4])
    said = SPEAKER.match(header[5])
    if said is None:
        return _Message(stamp, "", [header[5]])
    return _Message(stamp, MARKS.sub("", said[1]).strip(), [said[2] or ""])


def _judge(message: _Message) -> tuple[LeftOut | None, str]:
    """Why this is nobody's turn, or None and what was said."""
    if not message.speaker:
        return LeftOut.NOTICE, ""
    text = "\n".join(message.lines)
    said = MARKS.sub("", BY_PROGRAM.sub("", text)).strip()
    whole = MARKS.sub("", text).strip()
    if IN_BRACKETS.match(whole) or MEDIA.match(whole):
        return LeftOut.MEDIA, ""
    if DELETED.match(whole) or (whole and not said):
        return LeftOut.NOTICE, ""
    return (None, said) if said else (LeftOut.EMPTY, "")
