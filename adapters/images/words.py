"""An order in the words that a text-to-image model understands: the art family, the colours, and no lettering."""

from adapters.images import PaintOrder
from adapters.images.errors import InvalidOrder

FAMILIES = {
    "botanical": "fine botanical line art",
    "brutalist": "brutalist graphic ground of bold flat shapes",
    "city": "stylised city silhouette in layers",
    "cosmos": "cosmic nebula and stars",
    "deco": "art-deco geometry with thin metallic lines",
    "halftone": "halftone photo montage",
    "ink": "ink wash painting on paper",
    "landscape": "layered misty landscape",
    "marble": "marbled paper with veins",
    "mesh": "soft mesh gradient",
    "midcentury": "mid-century modern flat shapes",
    "oil": "abstract oil painting with visible brush strokes",
    "papercut": "layered paper cut with soft shadows",
    "ribbons": "flowing ribbons of colour",
    "watercolour": "watercolour on rough paper",
    "woodcut": "woodcut print",
}
"""What each family of the built-in painter is called elsewhere."""
CALM = "Cover artwork with calm areas at the top and the bottom. No text, letters, numbers, watermark or frame."
UNWANTED = "text, letters, numbers, watermark, signature, logo, frame, border"


def described(order: PaintOrder, most: int) -> str:
    """The prompt for a model whose prompts have at most so many characters. Raises InvalidOrder for a longer one."""
    style = FAMILIES.get(order.family, "")
    colours = f"Colours: {', '.join(order.palette)}" if order.palette else ""
    text = ". ".join(part for part in (order.prompt.rstrip(" ."), style and f"Style: {style}", colours, CALM) if part)
    if len(text) > most:
        raise InvalidOrder("prompt_too_long")
    return text


def unwanted(order: PaintOrder) -> str:
    """What must not be seen, for a model that can be told so: the order's own, and lettering."""
    return f"{order.negative_prompt}, {UNWANTED}" if order.negative_prompt else UNWANTED
