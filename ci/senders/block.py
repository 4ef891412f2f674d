"""Prints a block of code of docs/SENDERS.md, so that what runs is what users read.

    block.py SECTION LANGUAGE [N]    the Nth such block below that heading, from 0
"""

import pathlib
import re
import sys

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/SENDERS.md"


def block(section, language, number=0):
    page = PAGE.read_text()
    found = re.search(rf"(?ms)^#+ {re.escape(section)}\n(.*?)(?=^#+ [A-Z]|\Z)", page)
    # A comment in a block may look like a heading: sections end at headings outside of blocks alone.
    start = found.start(1)
    text, inside = [], False
    for line in page[start:].splitlines():
        if line.startswith("```"):
            inside = not inside
        elif not inside and line.startswith("#"):
            break
        text.append(line)
    blocks = re.findall(rf"(?ms)^```{language}\n(.*?)^```", "\n".join(text) + "\n")
    return blocks[number]


if __name__ == "__main__":
    print(block(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0), end="")
