"""The words of prompts that the painter acts on, in English, Spanish, German and French, without accents.

Words that mean something else in another of these languages (the German `hell`, the French `or`) are left out.
"""

from collections.abc import Mapping

Table = Mapping[str, str]

SCENERY: Table = {
    "mountain": "mountain peak summit alps hill cliff himalaya volcano ridge valley highland montana cumbre "
    "colina berg "
    "gebirge gipfel hugel montagne colline sommet",
    "sea": "sea ocean water lake river shore beach coast island isle sail sailor ship boat harbor harbour tide pirate "
    "wave lighthouse whale mermaid mar oceano agua lago rio playa costa isla barco faro ola ballena wasser meer ozean "
    "strand kuste insel schiff leuchtturm welle wal mer eau lac riviere plage ile bateau phare vague baleine",
    "island": "island isle isla insel ile",
    "forest": "forest wood woods woodland pine jungle grove wilderness fir wolf witch fairy bosque selva pino "
    "wald kiefer "
    "foret bois sapin",
    "flower": "flower rose garden bloom blossom leaf leave spring botanical plant herb petal meadow bouquet "
    "tulip poppy flor "
    "jardin hoja primavera blume blute garten wiese fruhling fleur feuille printemps",
    "city": "city town street skyline urban metropolis tower skyscraper detective noir building london york "
    "paris tokyo "
    "neon downtown alley rooftop ciudad calle edificio torre stadt strasse turm gebaude ville rue immeuble",
    "desert": "desert dune sand sahara oasis camel caravan desierto duna arena camello caravana wuste dunen "
    "kamel karawane "
    "sable chameau caravane",
    "snow": "snow snowy winter ice icy frost frozen arctic glacier blizzard nieve invierno hielo schnee frost "
    "eis neige "
    "hiver glace",
    "rain": "rain rainy storm stormy monsoon thunder downpour lluvia tormenta regen sturm gewitter pluie orage tempete "
    "tempestad",
    "moon": "moon lunar crescent moonlight midnight luna mond lune",
    "sun": "sun sunrise sunset solar dawn sunlight sunshine sol amanecer sonne sonnenaufgang sonnenuntergang soleil",
    "star": "star stellar constellation starlight galaxy milky estrella galaxia sterne sternenhimmel etoile",
    "planet": "planet mars saturn orbit alien space spaceship cosmos rocket moonbase planeta espacio cohete "
    "weltraum rakete "
    "planete espace fusee",
    "bird": "bird crow raven gull seagull swallow eagle crane dove heron pajaro ave cuervo aguila vogel rabe "
    "adler oiseau "
    "corbeau",
    "underwater": "underwater coral reef seabed undersea submarine atlantis fish submarino arrecife pez unterwasser "
    "korallenriff fisch corail recif poisson",
    "eye": "eye gaze stare witness stalker watcher ojo auge oeil regard",
}
FIGURE_WORDS: Table = {
    "lighthouse": "lighthouse beacon faro leuchtturm phare",
    "ship": "ship sail sailboat boat yacht pirate captain voyage galleon barco velero schiff segelboot bateau voilier",
    "house": "house cottage cabin farm farmhouse barn hut casa cabana haus hutte maison chaumiere",
    "castle": "castle fortress palace kingdom citadel castillo palacio schloss burg chateau",
    "person": "person man woman boy girl stranger traveller traveler wanderer walker detective hiker lover "
    "soldier hombre "
    "mujer viajero mann frau wanderer homme femme voyageur",
    "fox": "fox vixen zorro fuchs renard",
    "wolf": "wolf wolve coyote lobo loup",
    "deer": "deer stag elk reindeer antler ciervo hirsch reh cerf",
    "bear": "bear grizzly oso bar ours",
    "cat": "cat kitten gato katze chat",
    "whale": "whale orca ballena wal baleine",
    "camel": "camel caravan camello caravana kamel karawane chameau caravane",
    "rocket": "rocket spaceship spacecraft cohete rakete fusee",
    "dragon": "dragon wyvern drache drachen",
    "heart": "heart corazon herz coeur",
    "tree": "tree oak willow arbol roble baum eiche arbre chene",
    "fish": "fish coral reef underwater submarino pez fisch poisson corail unterwasser",
}
MOODS: Table = {
    "dark": "dark darkness grim murder death shadow fear horror haunted sinister blood crime ghost gothic "
    "gloomy scary noir "
    "oscuro oscura miedo terror dunkel dunkle angst sombre peur obscur",
    "bright": "bright happy joy joyful fun playful cheerful summer colourful colorful vivid kids children sunny alegre "
    "feliz brillante verano frohlich bunt sommer joyeux lumineux ete",
    "calm": "calm quiet peace peaceful gentle silence meditation serene soft mindful still tranquil minimal tranquilo "
    "tranquila calma silencio paz ruhig stille frieden sanft calme silence paix doux",
    "epic": "epic war battle hero king queen dragon quest empire legend throne sword dramatic fierce guerra "
    "batalla rey "
    "reina leyenda krieg schlacht konig guerre bataille roi legende",
    "warm": "warm love romance heart fire desire home kiss summer cosy cozy amor fuego calido liebe feuer amour "
    "feu chaud",
    "cold": "cold winter icy ice lonely distant frozen arctic snow snowy frio invierno kalt einsam schnee froid "
    "hiver seul",
}
TIMES: Table = {
    "dawn": "dawn morning sunrise daybreak amanecer alba manana morgen sonnenaufgang aube matin",
    "day": "day noon daylight midday afternoon mediodia mittag midi jour",
    "dusk": "dusk sunset evening twilight atardecer ocaso crepusculo abend dammerung sonnenuntergang soir crepuscule",
    "night": "night midnight moonlight moonlit starlight nightfall noche medianoche nacht mitternacht nuit minuit",
}
COLOURS: Mapping[str, tuple[str, str]] = {
    "red": ("#c4302b", "red rojo roja rote roter rotes rouge"),
    "crimson": ("#a3132e", "crimson carmesi karmesin cramoisi"),
    "scarlet": ("#d4281c", "scarlet escarlata"),
    "orange": ("#e8772e", "orange naranja"),
    "amber": ("#f0a52a", "amber ambar bernstein"),
    "gold": ("#d9a441", "gold golden dorado dorada oro goldene goldener dore doree"),
    "yellow": ("#f2c94c", "yellow amarillo amarilla gelb gelbe gelber jaune"),
    "green": ("#3d8b57", "green verde grun grune gruner vert verte"),
    "emerald": ("#1f7a5c", "emerald esmeralda smaragd"),
    "olive": ("#7a7a3a", "olive oliva"),
    "teal": ("#1f7f86", "teal petrol"),
    "turquoise": ("#35b5b0", "turquoise turquesa turkis"),
    "cyan": ("#3cc4dd", "cyan"),
    "blue": ("#2f62b5", "blue azul blau blaue blauer bleu bleue"),
    "navy": ("#15294f", "navy"),
    "indigo": ("#3b3a8f", "indigo"),
    "violet": ("#6f4bb2", "violet violeta violett"),
    "purple": ("#6b3a8c", "purple morado morada lila pourpre"),
    "magenta": ("#c2347f", "magenta"),
    "pink": ("#e58aa8", "pink rosado rosada rosa"),
    "brown": ("#7a4f32", "brown marron braun braune"),
    "black": ("#16161a", "black negro negra schwarz schwarze schwarzer noir noire"),
    "white": ("#f6f2ea", "white blanco blanca weiss weisse weisser blanc blanche"),
    "grey": ("#8a8d93", "grey gray silver gris plata grau graue argent"),
    "cream": ("#f3e7cf", "cream crema"),
}
