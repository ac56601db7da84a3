"""Word lists of the simulated company: people, places, goods and the sentences employees write."""

import unicodedata


def _words(text: str) -> list[str]:
    return text.split()


FEMALE = _words(
    "Anna Sabine Jürgine Käthe Zoë Renée Chloé Łucja Agnieszka Şebnem Ayşe Nguyệt Ingrid Åsa Øydis Márta "
    "Lucía Inês Giulia Elif Fatima Olena Елена Ελένη Priya Mei Hannah Emma Charlotte Małgorzata Birgit "
    "Ursula Heike Friederike Annegret Maren Frauke Siobhán Grace Noëlle"
)
MALE = _words(
    "Jürgen Björn Thomas Günther Søren Łukasz Paweł François Étienne José João Marco Mehmet Çağlar Иван "
    "Νίκος Nguyên Arjun Wei Omar Ola Håkon Jiří Zoltán Oleksandr Klaus Uwe Malte Hinnerk Torsten Sönke "
    "Felix Maximilian Jan Lars Oliver Callum Rhys Mateusz Benoît"
)
FAMILY = _words(
    "Müller Schmidt Schneider Fischer Weber Becker Hoffmann Schröder Jäger Köhler König Groß Weiß Hansen "
    "Petersen Jørgensen Lindqvist Bergström Ødegård Kowalski Wiśniewska Nowak Dvořák Nagy Horváth García "
    "Núñez Gonçalves Rossi Lefèvre Dubois Moreau Yılmaz Öztürk Şahin Петров Παπαδόπουλος Nguyễn Patel "
    "Chen Haddad O'Brien MacLeod Smith Taylor Brown van-Dijk de-Vries Bauer Wagner Brügger Zürcher "
    "Steiner Gruber Höllinger Krüger Thießen Lübbers Claaßen Jansen"
)
_FAMILY_STARTS = _words(
    "Ahorn Alten Bach Berg Birken Blumen Brand Breiten Brenn Bruch Brücken Buchen Burg Dorn Eber Ecken Eichen Eisen "
    "Eller Erlen Eschen Falken Feld Felsen Fichten Finken Flach Förster Fuchs Garten Gold Grau Groß Grün Haber Hagen "
    "Hasel Heide Heiden Hell Hirsch Hoch Hohen Holz Horn Hütten Junk Kalten Kamp Kirch Klee Kloster König Korn Kranz "
    "Kreuz Kron Kupfer Lang Lauten Lichten Linden Löwen Mai Marken Mitter Moor Moos Morgen Mühl Neu Nieder Nuss Ober "
    "Ochsen Pfaffen Pfeil Rabe Rauch Reh Reichen Reit Ried Ritter Rohr Rosen Rothen Sand Schall Scharfen Schatten "
    "Schild Schlüter Schnee Schön Schwarzen See Silber Sommer Sonnen Stahl Stein Stern Stock Sturm Süder Tannen Teich "
    "Tief Uhlen Ulmen Vogel Wald Wasser Weiden Wein Wester Wiesen Wild Winkel Winter Wolf Zimmer"
)
_FAMILY_ENDS = _words(
    "acker ach auer au bach baum beck berg berger bichler born brecht brink bruch brunn buck burg busch dorf dorfer "
    "eder egger ert feld felder fels graf haber hagen hain hammer hardt haus heim heimer hof hofer höfer holz horn "
    "huber hues kamp keller kirch lage land lehner leitner linger loh maier mann meister mühl müller nagel ner pohl "
    "rath reich reiter ried rieder rode roth sam sattler schlag schmied see seher sohn specht stätter stein steiner "
    "tal thal thaler tor treu wald walder wang weber weiler wieser winkler zeller"
)
RARE_FAMILY = [start + end for start in _FAMILY_STARTS for end in _FAMILY_ENDS]
"""Names that few people bear each, as most of a country's names are."""
RARE_FAMILY_SHARE = 0.85
"""Of the people; the others share the common names, each of which is then that of one in 400."""
NICKNAMES = {
    "Sabine": "Bine", "Käthe": "Käthi", "Agnieszka": "Aga", "Charlotte": "Lotte", "Małgorzata": "Gosia",
    "Ursula": "Uschi", "Friederike": "Rike", "Hannah": "Hanni", "Thomas": "Tom", "Günther": "Günni",
    "François": "Fanfan", "José": "Pepe", "Mehmet": "Memo", "Klaus": "Klausi", "Maximilian": "Max",
    "Oliver": "Olli", "Oleksandr": "Sascha", "Mateusz": "Mati", "Felix": "Fex", "Torsten": "Totte",
}  # fmt: skip
_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "ł": "l", "ı": "i", "æ": "ae", "ä": "ae", "ö": "oe", "ü": "ue", "'": "", "-": ""}
)
_FOREIGN = {
    "Елена": "elena", "Ελένη": "eleni", "Иван": "ivan", "Νίκος": "nikos", "Петров": "petrov",
    "Παπαδόπουλος": "papadopoulos",
}  # fmt: skip


def plain(name: str) -> str:
    """A name in the letters of an e-mail address."""
    letters = _FOREIGN.get(name, name.lower()).translate(_LETTERS)
    return unicodedata.normalize("NFKD", letters).encode("ascii", "ignore").decode()


TRADES = (
    ("Logistik", "logistics"), ("Bau", "construction"), ("Gastro", "hospitality"),
    ("Medizintechnik", "health"), ("Druck", "printing"), ("Consulting", "consulting"),
    ("Software", "software"), ("Möbel", "furniture"), ("Energie", "energy"), ("Touristik", "travel"),
    ("Metallbau", "manufacturing"), ("Agrar", "agriculture"),
)  # fmt: skip
LEGAL_FORMS = ("GmbH", "AG", "KG", "OHG", "Ltd", "SARL", "AB", "e.K.")

COUNTRIES = ("DE", "AT", "CH", "GB", "FR", "NL", "DK", "PL")
COUNTRY_SHARES = (0.68, 0.08, 0.07, 0.05, 0.04, 0.03, 0.03, 0.02)
CURRENCIES = ("EUR", "EUR", "CHF", "GBP", "EUR", "EUR", "EUR", "EUR")
LANGUAGES = ("de", "de", "de", "en", "fr", "nl", "da", "pl")
DIAL_CODES = ("+49 151", "+43 664", "+41 79", "+44 7911", "+33 6", "+31 6", "+45 20", "+48 60")
CITIES_PER_COUNTRY = 4
CITIES = (
    "Hamburg", "Köln", "München", "Görlitz", "Wien", "Graz", "Linz", "Villach", "Zürich", "Genève", "Bern",
    "Chur", "London", "Leeds", "Glasgow", "Bath", "Lyon", "Nîmes", "Lille", "Orléans", "Utrecht", "Leiden",
    "Breda", "Zwolle", "København", "Århus", "Ribe", "Odense", "Łódź", "Kraków", "Gdańsk", "Poznań",
)  # fmt: skip
POSTAL_PREFIXES = (
    "20", "50", "80", "02", "1", "8", "4", "9", "8", "1", "3", "7", "SW1 ", "LS2 ", "G12 ", "BA1 ", "69",
    "30", "59", "45", "35", "23", "48", "80", "1", "8", "6", "5", "90-", "31-", "80-", "61-",
)  # fmt: skip
STREETS = (
    "Hauptstraße", "Lindenweg", "Deichstraße", "Am Großen Markt", "Kirchgasse", "Ringstrasse",
    "Bahnhofplatz", "Rue de l'Église", "High Street", "Kanaalweg", "Skt. Knuds Allé", "ulica Długa",
    "Mühlenkamp", "Goethestraße", "Station Road", "Chemin des Prés", "Seeuferweg", "An der Föhr",
)  # fmt: skip
MAIL_DOMAINS = ("post.example", "mail.example", "inbox.example", "example.org", "example.net", "nord.example")

CATEGORIES = ("garden", "kitchen", "tools", "outdoor", "office", "lighting")
THINGS = (
    ("Gießkanne", "Hochbeet", "Rechen", "Rosenschere"), ("Topf", "Wok", "Waage", "Kaffeemühle"),
    ("Akkuschrauber", "Zange", "Leiter", "Werkbank"), ("Zelt", "Rucksack", "Schlafsack", "Kocher"),
    ("Drehstuhl", "Regal", "Aktenschrank", "Schreibtisch"), ("Stehlampe", "Laterne", "LED-Band", "Strahler"),
)  # fmt: skip
SERIES = ("Fjord", "Watt", "Düne", "Möwe", "Ebbe")
SERVICES = ("Nordlicht Plus", "Pflanzenberatung", "Geräteschutz", "Werkstatt-App")
FEATURES = (
    ("express delivery", "deliveries"), ("plant advice", "minutes"), ("repair check", "checks"),
    ("workshop video", "minutes"),
)  # fmt: skip

CONTACT_ROLES = ("purchasing", "managing director", "facility management", "finance")
EMPLOYEE_ROLES = ("service agent", "sales adviser", "key account manager")
DEPARTMENTS = ("service", "sales", "sales")
CARRIERS = ("DHL", "Hermes", "DPD", "Nordpost")

SUBJECTS = (
    "order_status",
    "product_advice",
    "invoice",
    "return",
    "failed_delivery",
    "account_review",
    "offer",
)
NOTES = (
    ("", " asked where order ", " is. Tracking sent, will ring back tomorrow."),
    ("Kunde ", " braucht Beratung zu Auftrag ", ", Maße passen nicht. Prospekt per Post."),
    ("", " disputes the invoice of ", ", wants a call before noon on the private number."),
    ("Frau/Herr ", " möchte aus ", " nur ein Teil zurückgeben, war freundlich."),
    ("", " verärgert: Zusteller war angeblich nicht da, Auftrag ", ". Nachbar nimmt an."),
    ("Jahresgespräch mit ", ", letzter Bezug ", ". Budget steht, Entscheidung im Herbst."),
    ("Offer sent to ", " following ", ". Partner is ill, ask again next week."),
)
WORKROOM_TITLES = (
    "Datenblatt",
    "Rahmenvertrag",
    "Neuigkeit",
    "Ablauf Retouren",
    "Freigabe Sortiment",
    "Brief",
)
WORKROOM_TYPES = ("document", "contract", "news", "workflow", "approval", "letter")

TARGETS = (  # indicator, unit, value at the start, change per month; "per customer" values grow with the base
    ("net_revenue", "EUR", 20.0, 0.004), ("active_customers", "customers", 0.60, 0.004),
    ("repeat_purchase_rate", "rate", 0.45, 0.001), ("return_rate", "rate", 0.07, -0.0005),
    ("on_time_delivery_rate", "rate", 0.92, 0.001), ("churn_rate", "rate", 0.20, -0.001),
    ("nps", "points", 35.0, 0.25), ("response_rate", "rate", 0.25, 0.001),
    ("first_contact_resolution_rate", "rate", 0.70, 0.002), ("sla_breach_rate", "rate", 0.10, -0.001),
    ("helpful_rate", "rate", 0.75, 0.001), ("adoption_rate", "rate", 0.15, 0.002),
)  # fmt: skip
