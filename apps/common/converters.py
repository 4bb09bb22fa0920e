from apps.common.ids import ROW_ID


class RowIdConverter:
    """``<row_id:pk>`` in an address: what is no id is no address."""

    regex = ROW_ID

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)
