"""Pages for people that are rendered here, in the studio's look and without any script."""

from functools import cached_property
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from edge.studio.pages import FOLDER, load_assets, release_digest

HTML = "text/html; charset=utf-8"


class Templates:
    """Renders them. The files are read at the first page; `name` is the product's."""

    def __init__(self, *, name: str = "Covergen", folder: Path = FOLDER) -> None:
        self._name = name
        self._folder = folder

    def render(self, template: str, **values: object) -> bytes:
        """The page with these values in it, which are escaped."""
        page = self._environment.get_template(template)
        return page.render(name=self._name, static=f"/static/{self._digest}", **values).encode()

    @cached_property
    def _environment(self) -> Environment:
        loader = FileSystemLoader(self._folder / "templates")
        return Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )

    @cached_property
    def _digest(self) -> str:
        return release_digest(load_assets(self._folder / "static"))
