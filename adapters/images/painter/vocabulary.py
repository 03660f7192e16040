"""The words of prompts that the painter acts on, in English, Spanish, German and French, without accents.

Words that mean something else in another of these languages (the German `hell`, the French `or`) are left out, or have
their accents (the German `bär`, which is no bar).
"""

from collections.abc import Mapping

Table = Mapping[str, str]

SCENERY: Table = {
    "mountain": "mountain peak summit alps hill cliff himalaya volcano ridge valley highland montana cumbre "
    "colina berg "
    "gebirge gipfel hugel montagne colline sommet",
    "sea": "swan duck cisne schwan cygne sea ocean water lake river shore beach coast island isle sail sailor ship "
    "boat harbor harbour tide "
    "pirate "
    "wave lighthouse whale mermaid mar oceano agua lago rio playa costa isla barco faro ola ballena "
    "wasser meer ozean "
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
    "rain": "rain rainy storm stormy monsoon thunder downpour lluvia tormenta regen sturm gewitter pluie orage "
    "tempete "
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
    "ship": "ship sail sailboat boat yacht pirate captain voyage galleon sailor barco velero barca navio marinero "
    "schiff segelboot segelschiff matrose bateau voilier navire marin boote segelboote segelschiffe",
    "house": "house cottage cabin farm farmhouse barn hut home mansion inn windowsill village casa cabana granja "
    "hogar pueblo haus hutte bauernhof scheune dorf maison chaumiere ferme cabane foyer",
    "castle": "castle fortress palace kingdom citadel princess prince castillo palacio reino fortaleza princesa "
    "schloss burg festung konigreich prinzessin prinz chateau palais royaume forteresse princesse",
    "person": "person man woman boy stranger traveller traveler wanderer walker hiker pilgrim father mother widow "
    "grandfather grandmother soldier samurai monk nurse doctor spy murderer killer hombre mujer viajero "
    "abuelo abuela padre madre soldado peregrino mann frau junge vater mutter soldat fremder reisender "
    "pilger grossvater grossmutter detektiv homme femme voyageur garcon pere mere pelerin detective niño",
    "child": "child children kid girl toddler schoolgirl daughter hija ninos infancia kinder madchen tochter "
    "kindheit enfant fille fillette enfance niña",
    "couple": "couple lover lovers wedding newlywed bride sweetheart pareja amantes novios boda novia paar "
    "liebespaar hochzeit braut liebende amants mariage mariee amoureux",
    "umbrella": "umbrella parasol paraguas sombrilla regenschirm schirm parapluie ombrelle",
    "astronaut": "astronaut cosmonaut spaceman spacewoman spacesuit astronauta cosmonauta raumfahrer kosmonaut "
    "astronaute cosmonaute",
    "ghost": "ghost phantom spectre specter haunting poltergeist fantasma espectro espiritu gespenst geist "
    "gespenster fantome revenant",
    "skull": "skull skeleton bones calavera craneo esqueleto totenkopf schadel skelett squelette crâne",
    "fox": "fox vixen zorro zorra fuchs fuchse renard renarde",
    "wolf": "wolf wolve werewolf coyote lobo loba hombrelobo wolfe werwolf loup louve",
    "deer": "deer stag fawn elk reindeer moose antler antelope ciervo venado alce hirsch hirsche reh rentier elch "
    "cerf biche renne",
    "bear": "bear grizzly teddy oso osa osito baren ours ourson bär",
    "cat": "cat kitten kitty feline tomcat gato gata gatito katze katzen kater katzchen chat chatte chaton",
    "dog": "dog puppy hound spaniel retriever terrier labrador perro perra cachorro perrito hund hunde hundin "
    "welpe chien chienne chiot",
    "horse": "horse pony mare stallion foal cowboy rider unicorn caballo yegua potro jinete unicornio pferd pferde "
    "stute hengst fohlen reiter einhorn cheval chevaux jument poulain cavalier licorne",
    "raven": "bird raven crow blackbird magpie sparrow swallow eagle hawk falcon gull seagull dove robin pajaro "
    "ave cuervo aguila halcon gaviota paloma golondrina vogel rabe krahe adler falke mowe taube schwalbe "
    "amsel oiseau corbeau corneille aigle faucon mouette colombe hirondelle krähe möwe",
    "owl": "owl owlet buho lechuza eule eulen uhu hibou chouette",
    "rabbit": "rabbit bunny hare conejo conejito liebre kaninchen hase hasen lapin lievre",
    "elephant": "elephant mammoth elefante mamut elefant elefanten mammut mammouth",
    "butterfly": "butterfly butterflies moth mariposa polilla schmetterling falter papillon",
    "whale": "whale orca dolphin ballena delfin wal wale walfisch baleine dauphin",
    "camel": "camel caravan dromedary bedouin camello caravana dromedario kamel kamele karawane chameau chameaux "
    "caravane dromadaire",
    "rocket": "rocket spaceship spacecraft starship shuttle cohete nave rakete raumschiff fusee vaisseau",
    "dragon": "dragon wyvern drache drachen dragones",
    "heart": "heart valentine corazon herz herzen coeur",
    "tree": "tree oak willow birch maple orchard arbol roble sauce baum baume eiche birke arbre chene saule",
    "fish": "fish fishes submarine seabed coral reef underwater koi goldfish submarino pez peces fisch fische "
    "aquarium poisson corail unterwasser",
    "train": "train railway railroad locomotive viaduct tren ferrocarril locomotora zug zuge eisenbahn lokomotive "
    "dampflok ferroviaire rails loco",
    "bicycle": "bicycle bike cyclist cycling bicicleta bici ciclista fahrrad fahrrader rad radfahrer velo bicyclette "
    "cycliste",
    "car": "car automobile roadtrip cadillac taxi highway coche automovil auto carretera autos wagen autobahn voiture",
    "violin": "violin violinist fiddle cello symphony orchestra violinista violonchelo orquesta geige violine "
    "geiger orchester violon violoniste violoncelle orchestre",
    "guitar": "guitar guitarist banjo ukulele troubadour guitarra guitarrista gitarre gitarrist guitare guitariste",
    "key": "key keyhole lock unlock llave cerradura schlussel cle clef serrure",
    "crown": "crown king queen throne coronation emperor corona rey reina trono emperador krone konig konigin "
    "thron kaiser couronne roi reine trone empereur",
    "sword": "sword blade knight dagger warrior excalibur gladiator espada caballero guerrero daga schwert ritter "
    "krieger dolch klinge epee chevalier guerrier dague",
    "rose": "rose rosebud thorn rosas espinas rosen dorn dornen epine",
    "book": "book library librarian bookshop notebook libro libros biblioteca libreria buch bucher bibliothek "
    "buchladen livre livres bibliotheque librairie",
    "lantern": "lantern lamp linterna farol lampara laterne lampe lanterne",
    "candle": "candle candlelight candlestick vela velas kerze kerzen kerzenlicht bougie chandelle",
    "clock": "clock stopwatch hourglass clockwork timepiece reloj relojes uhr uhren taschenuhr wecker horloge "
    "montre pendule pocketwatch",
    "balloon": "balloon airship zeppelin globo zepelin ballon luftballon heissluftballon luftschiff montgolfiere "
    "dirigeable",
    "microphone": "microphone mic singer karaoke microfono cantante entrevista mikrofon sanger sangerin chanteur "
    "chanteuse",
    "cup": "coffee tea teacup cup mug espresso cafe bakery taza tetera kaffee tee tasse teetasse kaffeetasse thé",
    "mushroom": "mushroom toadstool fungus fungi seta hongo champinon pilz pilze fliegenpilz champignon",
    "feather": "feather quill plume pluma feder federn schreibfeder",
    "sprout": "seed seedling sprout sapling plant gardener semilla brote planta plantula samen keimling setzling "
    "pflanze spross graine pousse semis plante",
    "plane": "plane airplane aeroplane aircraft jet pilot flight avion piloto vuelo flugzeug flug aviateur",
    "anchor": "anchor harbour harbor ancla anker ancre",
    "swan": "swan duck goose cygnet cisne pato ganso schwan schwane ente gans cygne canard oie",
    "dinosaur": "dinosaur dino dinosaurier dinosaurio dinosaure brontosaurus tyrannosaurus",
    "robot": "robot android cyborg automaton roboter androide androïde",
    "snake": "snake viper cobra python serpiente vibora culebra schlange schlangen natter couleuvre vipere",
    "dancer": "dancer ballerina ballet dance dancing bailarina bailarin danza tanzerin tanzer tanz danseuse "
    "danseur danse",
    "turtle": "turtle tortoise tortuga schildkrote schildkroten tortue",
    "bee": "bee bumblebee honeybee honey hive abeja abejorro miel colmena biene bienen hummel honig abeille "
    "bourdon ruche",
    "piano": "piano pianist sonata pianista klavier flugel pianistin pianiste",
    "bottle": "bottle potion poison whisky wine elixir botella pocion veneno vino flasche trank wein bouteille vin",
    "chess": "chess checkmate grandmaster ajedrez jaque schach schachmatt echecs",
    "lion": "lion lioness leon leona lowe löwe löwin lowin lionne",
    "mermaid": "mermaid siren sirena meerjungfrau nixe sirene sirène",
    "witch": "witch witches wizard sorceress sorcerer bruja brujo hechicera hexe hexen zauberer sorciere sorcier",
    "eye": "eye ojo auge oeil yeux œil",
    "magnifier": "magnifier magnifying lupa lupe loupe",
}
PAIR = frozenset({"two", "pair", "twin", "both", "dos", "zwei", "beide", "paar", "deux", "paire"})
"""Words before a figure that make it two."""
MOODS: Table = {
    "dark": "dark darkness grim murder death shadow fear horror haunted sinister blood crime ghost gothic "
    "gloomy scary noir "
    "oscuridad dunkelheit finsternis finster tenebres obscurite vampire vampiro vampir graveyard "
    "cemetery cementerio friedhof cimetiere mord muerte tod mort meurtre asesinato morder "
    "oscuro oscura miedo terror dunkel dunkle angst sombre peur obscur",
    "bright": "bright happy joy joyful fun playful cheerful summer colourful colorful vivid kids children sunny "
    "alegre "
    "feliz brillante verano frohlich bunt sommer joyeux lumineux ete",
    "calm": "fog foggy niebla nebel brume brouillard calm quiet peace peaceful gentle silence "
    "meditation serene soft mindful still tranquil minimal tranquilo "
    "tranquila calma silencio paz ruhig stille frieden sanft calme silence paix doux",
    "epic": "epic war battle hero king queen dragon quest empire legend throne sword dramatic fierce guerra "
    "batalla rey "
    "reina leyenda krieg schlacht konig guerre bataille roi legende",
    "warm": "campfire fireplace flame llama flamme hoguera lagerfeuer warm love romance heart fire "
    "desire home kiss summer cosy cozy amor fuego calido liebe feuer amour "
    "feu chaud",
    "cold": "cold winter icy ice lonely distant frozen arctic snow snowy frio invierno kalt einsam schnee froid "
    "hiver seul",
}
TIMES: Table = {
    "dawn": "dawn morning sunrise daybreak amanecer alba manana morgen sonnenaufgang aube matin",
    "day": "day noon daylight midday afternoon mediodia mittag midi jour",
    "dusk": "dusk sunset evening twilight atardecer ocaso crepusculo abend dammerung sonnenuntergang soir crepuscule",
    "night": "vollmond mondlicht moonrise night midnight moonlight moonlit starlight nightfall noche medianoche "
    "nacht mitternacht nuit minuit",
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
