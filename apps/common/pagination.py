from typing import Any

from rest_framework.exceptions import NotFound as DRFNotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from apps.common.errors import NotFound
from apps.common.ids import is_row_id


class NewestFirst(CursorPagination):
    """Keyset pages, newest first: page 9,000 costs what page 1 does."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 500

    def decode_cursor(self, request: Request) -> Any:
        """The page asked for; NotFound where a hand-made cursor points to something that is no id."""
        try:
            cursor: Any = super().decode_cursor(request)
        except DRFNotFound:
            raise _no_cursor() from None
        if cursor and cursor.position is not None and not is_row_id(cursor.position):
            raise _no_cursor()
        return cursor


def _no_cursor() -> NotFound:
    follow = "Begin without one, then follow `next` and `previous` as they are."
    return NotFound("This cursor leads nowhere.", resolution=follow, param="cursor")
