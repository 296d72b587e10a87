"""How a document is cut: the laws that hold for any text, and where people would cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coachwork.knowledge.chunk import Piece, cut
from coachwork.knowledge.document import ReadLimits
from coachwork.knowledge.parse import parse_bytes
from coachwork.knowledge.tokens import estimated_tokens

LINES = st.sampled_from(
    [
        "",
        "# Top",
        "## Below",
        "### Deeper",
        "Valid from 1 May.",
        "The following holds:",
        "- an item of a list",
        "| a | b |",
        "| --- | --- |",
        "| one | two |",
        "```",
        "    code()",
        "Words " * 30,
        "x" * 200,
        "日本語の文。" * 20,
    ]
)


@given(st.lists(LINES, max_size=40), st.integers(20, 80), st.integers(0, 30))
@settings(max_examples=120, deadline=None)
def test_passages_are_in_order_fit_and_leave_nothing_out(lines: list[str], size: int, overlap: int) -> None:
    text = "\n".join(lines)
    if not text.strip():
        return
    parsed = parse_bytes("d.md", text.encode(), ReadLimits())
    pieces = cut(parsed, size=size, overlap=overlap)
    said = {at for piece in pieces for at in range(piece.start, piece.end)}
    assert all(parsed.text[at].isspace() or at in said for at in range(len(parsed.text)))
    assert [piece.start for piece in pieces] == sorted(piece.start for piece in pieces)
    # A word too long for a passage is cut, and its parts are rounded each on its own.
    assert all(estimated_tokens(parsed.text[piece.start : piece.end]) <= 1.1 * size for piece in pieces)


def passages(text: str, size: int = 180, name: str = "d.md") -> list[tuple[Piece, str]]:
    parsed = parse_bytes(name, text.encode(), ReadLimits())
    return [(piece, parsed.text[piece.start : piece.end]) for piece in cut(parsed, size=size)]


@pytest.mark.parametrize(
    "stub",
    [
        "# E-bike batteries\n\nValid from 1 March 2026.\n\n",
        "# Business\n\nValid from 1 July 2026. Contact: Claire Baudin, business@tarnbeck.example, +49 7531 55.\n\n",
        "# Batteries\n\n## Nothing yet\n\n",
        "# Batteries\n\n## Charging\n\n### Nothing yet\n\n",
        "Draft, not approved.\n\n",
    ],
)
def test_what_says_nothing_of_its_own_is_no_passage(stub: str) -> None:
    [(piece, text)] = passages(f"{stub}## Lifetime\n\nA battery holds 800 charges.\n")
    assert text.startswith(stub.strip()[:10])
    assert text.endswith("800 charges.")
    assert piece.title_path[-1] == "Lifetime"


def test_a_heading_at_the_end_belongs_to_what_stands_before() -> None:
    [(piece, text)] = passages("# Batteries\n\nA battery holds 800 charges.\n\n## To be written\n")
    assert (piece.title_path, text.endswith("## To be written")) == (("Batteries",), True)


def test_short_facts_under_headings_of_one_level_stay_apart() -> None:
    found = passages("# Costs\n\n## Bikes\n\nA bike costs 39 euro.\n\n## Keys\n\nA key costs 15 euro.\n")
    assert [piece.title_path for piece, _ in found] == [("Costs", "Bikes"), ("Costs", "Keys")]


def test_a_heading_goes_with_the_start_of_a_paragraph_that_fills_a_passage() -> None:
    found = passages("# Batteries\n\n" + "A battery holds its charge for a long time. " * 9, size=100)
    assert all(estimated_tokens(text) > 20 for _, text in found)


def test_a_line_that_leads_in_goes_with_its_list() -> None:
    told = "Some words before it stand here. " * 8
    found = passages(f"# Returns\n\n{told}\n\nNot taken back are:\n\n- opened helmets\n- cut tubes\n", size=75)
    assert "Not taken back are:\n\n- opened helmets" in found[-1][1]


def test_rows_of_a_long_table_stay_rows_under_the_names_of_its_columns() -> None:
    rows = "".join(f"| Model {n} | {n * 100} euro |\n" for n in range(40))
    found = passages(f"# Prices\n\n| Bike | Price |\n| --- | --- |\n{rows}", size=100)
    assert len(found) > 3
    assert all(line.startswith(("|", "#")) and line.endswith("|") for _, text in found[1:] for line in text.split("\n"))
    assert {piece.title_path for piece, _ in found[1:]} == {("Prices", "Bike, Price")}
