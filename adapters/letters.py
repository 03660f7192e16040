"""Texts of mails from templates: `KIND.txt`, whose first line is the subject, and `KIND.html`."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


class Letters:
    """The templates of a folder. In HTML whatever is filled in is escaped; a name that is not given is an error."""

    def __init__(self, folder: Path) -> None:
        loader = FileSystemLoader(folder)
        self._html = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
        self._text = self._html.overlay(autoescape=False)  # plain text has no markup

    def write(self, kind: str, values: Mapping[str, str]) -> tuple[str, str, str]:
        """Subject, text and HTML. Raises jinja2's TemplateError for a kind or value that is not there: a bug."""
        subject, _, text = self._text.get_template(f"{kind}.txt").render(values).partition("\n")
        return subject, text.lstrip("\n"), self._html.get_template(f"{kind}.html").render(values)
