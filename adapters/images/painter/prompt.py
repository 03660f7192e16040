"""What the painter understands of a prompt: motifs, mood, time of day and colour words."""

import re

import msgspec

MOTIFS: dict[str, str] = {
    word: motif
    for motif, words in {
        "mountain": "mountain peak summit alps hill hills cliff cliffs himalaya volcano ridge valley",
        "sea": "sea ocean water lake river shore beach coast island sail ship harbor harbour tide storm pirate wave",
        "forest": "forest wood woods tree pine jungle grove wilderness fir wolf witch fairy",
        "city": "city town street skyline urban metropolis tower skyscraper detective noir building london york",
        "moon": "moon lunar crescent moonlight midnight",
        "sun": "sun sunrise sunset solar dawn sunlight sunshine",
        "star": "star stellar constellation starlight galaxy",
        "planet": "planet mars saturn orbit world alien space spaceship cosmos rocket moonbase",
        "bird": "bird crow raven gull swallow eagle crane dove",
        "flower": "flower rose garden bloom blossom leaf spring botanical plant herb petal",
        "desert": "desert dune sand sahara oasis camel",
        "snow": "snow winter ice frost arctic glacier frozen",
        "rain": "rain rainy storm monsoon thunder",
    }.items()
    for word in words.split()
}
MOODS: dict[str, str] = {
    word: mood
    for mood, words in {
        "dark": "dark grim murder death shadow shadows fear horror haunted black sinister night blood crime ghost",
        "calm": "calm quiet peace peaceful gentle silence meditation serene soft slow mindful still",
        "bright": "bright happy joy joyful fun playful cheerful summer colourful colorful vivid kids children light",
        "warm": "warm love romance heart autumn fire desire home kiss summer golden",
        "cold": "cold winter ice icy snow blue lonely distant frozen",
        "epic": "epic war battle hero king queen dragon quest empire legend throne sword",
    }.items()
    for word in words.split()
}
TIMES: dict[str, str] = {
    word: time
    for time, words in {
        "dawn": "dawn morning sunrise",
        "day": "day noon daylight summer",
        "dusk": "dusk sunset evening twilight autumn golden",
        "night": "night midnight moon moonlight starlight stars dark",
    }.items()
    for word in words.split()
}
COLOURS: dict[str, str] = {
    "red": "#c4302b",
    "crimson": "#a3132e",
    "scarlet": "#d4281c",
    "orange": "#e8772e",
    "amber": "#f0a52a",
    "gold": "#d9a441",
    "golden": "#d9a441",
    "yellow": "#f2c94c",
    "green": "#3d8b57",
    "emerald": "#1f7a5c",
    "olive": "#7a7a3a",
    "teal": "#1f7f86",
    "turquoise": "#35b5b0",
    "cyan": "#3cc4dd",
    "blue": "#2f62b5",
    "navy": "#15294f",
    "indigo": "#3b3a8f",
    "violet": "#6f4bb2",
    "purple": "#6b3a8c",
    "magenta": "#c2347f",
    "pink": "#e58aa8",
    "rose": "#d4748a",
    "brown": "#7a4f32",
    "black": "#16161a",
    "white": "#f6f2ea",
    "grey": "#8a8d93",
    "gray": "#8a8d93",
    "silver": "#b9c0c8",
    "cream": "#f3e7cf",
    "coral": "#ef7b62",
}


class Reading(msgspec.Struct, frozen=True):
    """The words of a prompt that the painter acts on."""

    motifs: frozenset[str]
    moods: frozenset[str]
    time: str | None
    colours: tuple[str, ...]


def read(prompt: str) -> Reading:
    """Find known words (also simple plurals) in the prompt; anything else is left to other image models."""
    words = [_singular(word) for word in re.findall(r"[a-z]+", prompt.lower())]
    times = [TIMES[word] for word in words if word in TIMES]
    colours = dict.fromkeys(COLOURS[word] for word in words if word in COLOURS)
    return Reading(
        motifs=frozenset(MOTIFS[word] for word in words if word in MOTIFS),
        moods=frozenset(MOODS[word] for word in words if word in MOODS),
        time=times[0] if times else None,
        colours=tuple(colours),
    )


def _singular(word: str) -> str:
    known = word in MOTIFS or word in MOODS or word in TIMES or word in COLOURS
    return word if known or not word.endswith("s") else word[:-1]
