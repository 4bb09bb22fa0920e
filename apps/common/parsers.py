"""JSON in, without the ways it can hurt."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from apps.common.safe_json import BadJson, parse_json


class SafeJSONParser(JSONParser):
    """UTF-8 JSON, with a 400 for what would become a 500 further down. Size is limited by Django: `api` says how."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return parse_json(stream.read())
        except BadJson as bad:
            raise ParseError(f"The JSON {bad}.") from None
