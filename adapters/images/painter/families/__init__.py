"""The families of art, one module each; a new one is a module and a line in this table."""

from adapters.images.painter.families import (
    city,
    cosmos,
    deco,
    halftone,
    ink,
    landscape,
    marble,
    mesh,
    midcentury,
    papercut,
    ribbons,
    watercolour,
    woodcut,
)
from adapters.images.painter.scene import Family

_MODULES = (
    landscape,
    cosmos,
    ribbons,
    deco,
    midcentury,
    ink,
    mesh,
    city,
    papercut,
    marble,
    woodcut,
    halftone,
    watercolour,
)
FAMILIES: dict[str, Family] = {module.FAMILY.name: module.FAMILY for module in _MODULES}
