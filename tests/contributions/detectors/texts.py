"""Texts made of pieces of personal data, of what announces it, of what was put in its place, and of odd characters."""

from hypothesis import strategies as st

FRAGMENTS = [
    "Anna Weber", "my name is ", "Dear ", "Herr ", "Thandeka", "Mark", "will", "Regards,\n", "Name: ", "and ", "J. ",
    "anna@firma.example", "@", "x@y.zz", "+49 30 23125 019", "(415) 555-0132", "12 Elm Street, Springfield, IL 62704",
    "1 ", "DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111", "203.0.113.42", "Nordwind GmbH", " & Co. KG",
    "company ", "called ", "password: ", "hunter2!", "token=", "sk-abcdefghijklmnop1234",
    "https://u:p@h.example/x?token=abcd", "536-90-4399", "SSN ", "[PERSON_NAME]", "[ADDRESS]", "[SECRET]",
    "contact@example.com", "+1 (555) 000-0000", "[BUSINESS_", "NAME]", "[", "]", "\ud800", "\udfff", "e\u0301",
    "\u0301", "İ", "ß", "\x00", "\n", "\t", " ", ", ", ". ", ": ", '"', "{", "}", "\\", "日本", "😀",
]  # fmt: skip
texts = st.lists(
    st.one_of(st.sampled_from(FRAGMENTS), st.text(st.characters(codec=None), max_size=6)), max_size=14
).map("".join)
