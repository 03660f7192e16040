"""The families of art, one module each; a new one is a module and a line in this table."""

from adapters.images.painter.families import city, cosmos, deco, ink, landscape, mesh, midcentury, papercut, ribbons
from adapters.images.painter.scene import Family

_MODULES = (landscape, cosmos, ribbons, deco, midcentury, ink, mesh, city, papercut)
FAMILIES: dict[str, Family] = {module.FAMILY.name: module.FAMILY for module in _MODULES}
