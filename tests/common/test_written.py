"""How a value is written for people who edit it."""

from django.template import Context, Template


def test_json_is_indented_in_its_own_order_and_escaped() -> None:
    page = Template("{% load written %}{{ label|as_json }}")
    assert page.render(Context({"label": {"b": "<ü>", "a": [1]}})) == (
        "{\n  &quot;b&quot;: &quot;&lt;ü&gt;&quot;,\n  &quot;a&quot;: [\n    1\n  ]\n}"
    )
