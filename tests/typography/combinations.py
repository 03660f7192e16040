"""Covers drawn by lot: styles, palettes, titles of all scripts and lengths, formats; the same for the same seed."""

import json
import random
from pathlib import Path

import msgspec

from adapters.images import PaintOrder
from adapters.typesetter import TypeOrder

STYLES = json.loads((Path(__file__).parents[2] / "nodes" / "templates" / "seeds.json").read_bytes())
PAGES = {"ebook": (800, 1280), "square": (1000, 1000), "thumbnail": (1280, 720)}
FULL = {"ebook": (1600, 2560), "square": (3000, 3000), "thumbnail": (1280, 720)}
WORDS = (
    ("It", None, "Ada Okafor"),
    ("Dune", "The desert remembers", "Tomas Wiśniewski"),
    ("1984", None, "G. Orwell"),
    ("Ember & Ash", None, "Max Grimm"),
    ("The Cartographer of Lost Rivers", "A novel of the north", "Elena Marchetti"),
    ("Incomprehensibilities", "An essay", "J. R. Halvorsen"),
    ("A Room of One's Own", None, "Virginia Woolf"),
    ("What We Talk About When We Talk About the Sea", "Stories", "Hannah Weir"),
    ("The Girl Who Circumnavigated the Library in a Paper Boat of Her Own Making", None, "Poppy Lane"),
    (
        "How to Read the Sky: a patient beginner's guide to stars, planets, weather and the long quiet nights between, "
        "with maps and tables for all seasons",
        None,
        "Dr. Amrita Rao",
    ),
    (
        "The Surprising Adventures of a Reluctant Gardener, or: How I Learned to Stop Worrying and Love the Weeds, the "
        "Worms and the Rain in Five Seasons",
        "A memoir",
        "Nell Ashby",
    ),
    ("Příliš žluťoučký kůň", "Povídky", "Božena Dvořáková"),
    ("Łódź i Gdańsk", None, "Ścibor Żółć"),
    ("Donaudampfschifffahrtsgesellschaft", "Roman", "Jörg Weiß"),
    ("Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz", None, "Ödön Ürményi"),
    ("La casa de la playa", "Novela", "María Ñúñez"),
    ("Der alte Mann und das Meer", None, "Ernst Übel"),
    ("À la recherche du temps perdu", "Du côté de chez Swann", "Anaïs Français"),
    ("“Whither?”", None, "Þóra Æsudóttir"),
    ("Đường về nhà ấm áp", "Tiểu thuyết", "Nguyễn Thị Hằng"),
    ("Öğleden Sonra Işığı", None, "Çağla Şahin"),
    ("Straße ohne Wiederkehr", "Kriminalroman", "Jörg Weiß"),
    ("Война и мир", "Роман", "Лев Толстой"),
    ("Преступление и наказание", None, "Фёдор Достоевский"),
    ("Ὀδύσσεια", None, "Ὅμηρος"),
    ("Ο βίος και η πολιτεία του Αλέξη Ζορμπά", "Μυθιστόρημα", "Νίκος Καζαντζάκης"),
    ("סיפור על אהבה וחושך", "רומן", "עמוס עוז"),
    ("בית 1948", None, "Amos Oz"),
    ("مئة عام من العزلة", "رواية", "غابرييل غارسيا ماركيز"),
    ("موسم الهجرة إلى الشمال", None, "الطيب صالح"),
    ("雪国の夜", "長編小説", "川端康成"),
    ("コンビニ人間", "長編小説", "村田沙耶香"),
    ("世界の終りとハードボイルド・ワンダーランド", None, "村上春樹"),
    ("三体：黑暗森林", "长篇小说", "刘慈欣"),
    ("百年孤独", None, "马尔克斯"),
    ("紅樓夢", None, "曹雪芹"),
    ("소년이 온다", "장편소설", "한강"),
    ("82년생 김지영", None, "조남주"),
)


class Combination(msgspec.Struct, frozen=True):
    """One cover to make and to measure."""

    index: int
    style: str
    shape: str
    paint: PaintOrder
    type: TypeOrder


def combinations(count: int, seed: int = 7, full: bool = False) -> list[Combination]:
    """So many covers by lot."""
    rng = random.Random(seed)
    return [_drawn(rng, index, FULL if full else PAGES) for index in range(count)]


def _drawn(rng: random.Random, index: int, pages: dict[str, tuple[int, int]]) -> Combination:
    style, other = rng.choice(STYLES), rng.choice(STYLES)
    shape = rng.choices(list(pages), (6, 2, 2))[0]
    title, subtitle, author = WORDS[index % len(WORDS)]
    width, height = pages[shape]
    prompt = style["prompt_template"].format(title=title, prompt="")
    return Combination(
        index=index,
        style=style["name"],
        shape=shape,
        paint=PaintOrder(
            prompt=prompt,
            family=style["family"],
            palette=tuple((style if rng.random() < 0.5 else other)["palette"]),
            options=style["options"],
            width=width,
            height=height,
            seed=rng.randrange(2**31),
        ),
        type=TypeOrder(
            title=title, subtitle=subtitle, author=author, typography=style["typography"], width=width, height=height
        ),
    )
