"""Write docs/aiolambda.1 from the parsers: `python docs/man_page.py`. A test holds that the file is up to date.

argparse-manpage formats the options. This script adds the sections that argparse has no place for.
"""

import os
from pathlib import Path

from argparse_manpage.manpage import Manpage

from aiolambda.cli.help_texts import EPILOG, EPILOGS
from aiolambda.cli.program import build_parser

_PAGE = Path(__file__).with_name("aiolambda.1")
_DESCRIPTION = "invoke AWS Lambda functions, and serve local functions"
_ENVIRONMENT = {
    "AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL_LAMBDA, AWS_CA_BUNDLE, HTTPS_PROXY": "as for other AWS tools; an option wins",
    "NO_COLOR, FORCE_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM": "whether messages have colours; --color wins",
    "COLUMNS": "the width of help",
}


def man_page() -> str:
    """The text of the page."""
    os.environ["COLUMNS"] = "80"  # argparse wraps at it
    parser = build_parser()
    parser.man_short_description = _DESCRIPTION
    parser.epilog = None
    _, _, body = str(Manpage(parser, format="single-commands-section")).partition(".SH NAME\n")
    sections = [".SH EXIT STATUS", _literal(EPILOG.partition("\n\n")[0].partition("\n")[2])]
    sections.append(".SH ENVIRONMENT")
    for names, meaning in _ENVIRONMENT.items():
        sections += [".TP", f"\\fB{_escaped(names)}\\fR", _escaped(meaning)]
    sections.append(".SH EXAMPLES AND EXIT CODES OF EACH COMMAND")
    for name, epilog in EPILOGS.items():
        sections += [f".SS aiolambda {name}", _literal(epilog)]
    head = (
        '.\\" Written by docs/man_page.py: change the parsers instead.\n.TH AIOLAMBDA 1 "" "aiolambda" "Commands"\n.SH NAME\n'
    )
    return head + body.rstrip("\n") + "\n" + "\n".join(sections) + "\n"


def _literal(text: str) -> str:
    return f".nf\n{_escaped(text)}\n.fi"


def _escaped(text: str) -> str:
    """Text for roff: no line begins a request, and quotes and hyphens stay those of a shell."""
    replaced = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga").replace("~", "\\(ti")
    return "\n".join(line or ".sp" for line in replaced.splitlines())


if __name__ == "__main__":
    _PAGE.write_text(man_page())
