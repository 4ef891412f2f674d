#!/usr/bin/env python3
"""Lists the relative links of the Markdown pages below DIR that lead to no file: links.py DIR. Exit code 1 if there are any."""
import os
import pathlib
import re
import sys

LINK = re.compile(r"\]\(([^()\s]+)\)")
CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)

top = pathlib.Path(sys.argv[1]).resolve()
pages = sorted(top.rglob("*.md"))
dead = 0
for page in pages:
    for link in LINK.findall(CODE.sub("", page.read_text())):
        target = link.split("#")[0]
        if not target or re.match("[a-z]+:", target):
            continue
        path = pathlib.Path(os.path.normpath(page.parent / target))
        # A link out of the pages may lead somewhere in this directory, and nowhere once they are installed.
        if not path.exists() or not path.is_relative_to(top):
            print(f"{page.relative_to(top)}: {link}")
            dead += 1
print(f"{len(pages)} pages, {dead} dead links")
sys.exit(1 if dead or not pages else 0)
