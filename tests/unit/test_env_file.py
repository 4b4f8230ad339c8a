"""Refuse a line of `.env` unless python-dotenv, systemd and Docker Compose read it in the same way."""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from dotenv import dotenv_values
from hypothesis import given, settings, strategies

from hooks.errors import ConfigurationError
from hooks.settings.env_file import read_env_file
from tests.support.env_readers import by_compose, by_systemd

# Characters that have a meaning in any of the three readers.
PIECES = strategies.sampled_from(
    [
        *"ab 1\t=:;#$\\'\"`{}\r",
        "\\n",
        "${a}",
        "$a",
        " #",
        "''",
        '""',
        "export ",
        "exporta",
        "\xa0",
        "\x85",
        "\u2028",
        "æ",
    ]
)
LINES = strategies.lists(PIECES, max_size=5).map("".join)
ASSIGNMENTS = strategies.builds(
    "{}{}{}{}".format,
    strategies.sampled_from(["A", " A", "B "]),
    strategies.just("="),
    LINES,
    LINES,
)


@settings(max_examples=200)
@given(
    lines=strategies.lists(LINES | ASSIGNMENTS, max_size=4),
    ending=strategies.sampled_from(["\n", "\r\n"]),
)
def test_an_accepted_file_means_the_same_to_all_three_readers(
    lines: list[str], ending: str
) -> None:
    text = ending.join(lines)
    with TemporaryDirectory() as folder:
        file = Path(folder) / ".env"
        file.write_bytes(text.encode())
        try:
            variables = read_env_file(file)
        except ConfigurationError:
            return
    python_dotenv = dotenv_values(stream=io.StringIO(text))
    for others in (python_dotenv, by_systemd(text), by_compose(text)):
        assert {name: value for name, value in others.items() if value} == variables


READ_ALIKE = [
    # blanks around the name and the value
    ("A=b", "b"),
    ("  A = b c \t", "b c"),
    # quotes, and the characters that they protect
    ('A="b # c"', "b # c"),
    ("A='b # $c'", "b # $c"),
    ('A="it\'s"', "it's"),
    ("A='say \"b\"'", 'say "b"'),
    # a quote in the middle has no meaning
    ("A=b'c", "b'c"),
    # these characters have no meaning either
    ("A=b=c;d:e`f`{g}", "b=c;d:e`f`{g}"),
    ("A=æøå", "æøå"),
]


@pytest.mark.parametrize(("line", "value"), READ_ALIKE)
def test_values_that_are_read(line: str, value: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(f"# a comment, and an empty line\n\nEMPTY=\n{line}\n")
    assert read_env_file(file) == {"A": value}


# The value of each line, by the documentation of each reader.
READ_DIFFERENTLY = [
    # systemd: `hidden # c`, the others: `hidden`
    ("A=hidden # c", "holds a #"),
    # Compose before version 2.24: `hid`, the others: `hid#den`
    ("A=hid#den", "holds a #"),
    ("A=#hidden", "holds a #"),
    # systemd appends the text after the quote to the value
    ("A='hidden' # c", "comment after the value"),
    ('A="hidden" # c', "comment after the value"),
    # Compose: the value of another variable; the others: as it stands
    ("A=hid$den", r"holds a \$"),
    ('A="hid$den"', r"holds a \$"),
    # python-dotenv and Compose: the value of another variable; systemd: as it stands
    ("A=${hidden}", r"holds a \$"),
    # python-dotenv alone
    ("A='${hidden}'", r"holds \$\{"),
    # systemd drops it, the others keep it
    ("A=hid\\den", "backslash"),
    # python-dotenv and Compose: a line break; systemd: as it stands
    ('A="hid\\nden"', "backslash"),
    # python-dotenv: one of the two; the others: both
    ("A='hid\\\\den'", "backslash"),
    # python-dotenv: the quote; the others end the value there
    ("A='hid\\'den'", "backslash"),
    # systemd takes `export A` for the name, and drops the line
    ("export A=hidden", "export"),
    # Compose drops the first six letters
    ("exported=hidden", "export"),
    # Compose: `hidden`; the others know no such line
    ("A: hidden", "neither NAME=value"),
    # a comment to systemd alone
    ("; hidden", "neither NAME=value"),
    ("A hidden", "neither NAME=value"),
    ("A", "neither NAME=value"),
    ("A B=hidden", "neither NAME=value"),
    # systemd before version 254 drops the next line too
    ("# hidden \\", "backslash"),
    # a quote that is not closed, or not at the end
    ('A="hidden', "quote"),
    ("A='hidden", "quote"),
    ('A="hid"den', "quote"),
    ("A='hid' 'den'", "quote"),
    # the end of the line to systemd, a blank to others
    ("A=hid\rden", "control character"),
    # blanks that some drop at the end
    ("A=hidden\xa0", "unusual blank"),
    ("A=hidden\x0b", "control character"),
]


@pytest.mark.parametrize(("line", "reason"), READ_DIFFERENTLY)
def test_an_ambiguous_line_is_refused_with_its_reason(
    line: str, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / ".env"
    file.write_bytes(f"# a comment\n{line}\nGOOD=hidden\n".encode())
    with pytest.raises(ConfigurationError, match=f"\n  line 2: .*{reason}") as raised:
        read_env_file(file)
    assert "hidden" not in str(raised.value)
    assert "line 3" not in str(raised.value)


def test_every_ambiguous_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A=$hidden\n\nB=hidden\nC: hidden\n")
    with pytest.raises(ConfigurationError) as raised:
        read_env_file(file)
    assert [line.split(":")[0] for line in str(raised.value).split("\n")[1:]] == [
        "  line 1",
        "  line 4",
    ]
