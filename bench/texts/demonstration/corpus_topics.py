"""Topics and names of the demonstration corpus; towns, families and papers are invented."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What an article is about; each field is a slot and what may fill it."""

    body: tuple[str, ...]  # who acts
    project: tuple[str, ...]  # what is decided, built or tried
    measure: tuple[str, ...]  # what is counted
    crowd: tuple[str, ...]  # who is concerned


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Parts that names are put together from; each field is a slot and what may fill it."""

    town_head: tuple[str, ...]
    town_tail: tuple[str, ...]
    surname_head: tuple[str, ...]
    surname_tail: tuple[str, ...]
    paper: tuple[str, ...]


HOME_NAMES = Names(
    town_head=(
        "Vel", "Ostra", "Quill", "Dorna", "Brindle", "Tasse", "Ellor", "Penna", "Skarn", "Wexa", "Farro", "Ith", "Junip",
        "Lanta", "Marra", "Cawd", "Norva", "Tilse", "Ombra", "Heska",
    ),
    town_tail=("marsh", "wyck", "mere", "by", "hollow", "keep", "moor", "drift", "holt", "mouth", "fold", "dean"),
    surname_head=(
        "Aver", "Bostra", "Callo", "Drumma", "Esker", "Fenni", "Gantra", "Holla", "Iven", "Jorra", "Kestle", "Lorri",
        "Moss", "Nether", "Orpa", "Pella", "Quarra", "Rush", "Sallo", "Thacker", "Umber", "Vaster", "Yarro",
    ),
    surname_tail=("dane", "by", "way", "mel", "bane", "mar", "ridge", "dell", "vane", "may", "mund", "wright", "cole"),
    paper=("Courier", "Daily Post", "Observer", "Wire", "Evening Sheet"),
)  # fmt: skip

AWAY_NAMES = Names(
    town_head=(
        "Kettle", "Amar", "Vandra", "Solma", "Grella", "Ibben", "Ruska", "Torren", "Zenna", "Vel", "Ostra", "Tasse",
        "Marra",
    ),
    town_tail=("shore", "quay", "march", "fleet", "moor", "mouth", "by", "holt"),
    surname_head=(
        "Abern", "Bracken", "Corvi", "Della", "Farqua", "Garro", "Huxta", "Ingle", "Keldra", "Esker", "Moss", "Pella",
    ),
    surname_tail=("more", "thorn", "quin", "bel", "dane", "way", "mar", "dell"),
    paper=("Ledger", "Record", "Press Service", "Chronicle", "Observer"),
)  # fmt: skip

HOME_TOPICS = (
    Topic(
        body=("town council", "planning committee", "mayor's office", "audit committee"),
        project=("the new library", "a second market hall", "the budget for the coming year", "a smaller town hall"),
        measure=("the number of building permits", "the town's debt", "income from parking fees"),
        crowd=("residents", "taxpayers", "shopkeepers"),
    ),
    Topic(
        body=("regional hospital", "health board", "ambulance service", "nursing college"),
        project=(
            "a trial of evening clinics",
            "the vaccination programme",
            "a new children's ward",
            "a study of sleep",
        ),
        measure=("the number of flu patients", "waiting times", "the count of missed appointments"),
        crowd=("patients", "nurses", "parents"),
    ),
    Topic(
        body=("water authority", "river board", "drainage office"),
        project=("a new filter station", "the repair of the old reservoir", "a test of household meters"),
        measure=("the level of nitrate in tap water", "daily water use", "the number of burst pipes"),
        crowd=("households", "gardeners", "anglers"),
    ),
    Topic(
        body=("transit agency", "railway office", "roads department", "bus company"),
        project=(
            "the tram extension",
            "a timetable with later trains",
            "the closure of the east bridge",
            "a cheaper pass",
        ),
        measure=("the number of passengers", "the share of late trains", "traffic on the ring road"),
        crowd=("commuters", "drivers", "cyclists"),
    ),
    Topic(
        body=("school district", "board of education", "teachers' college", "university senate"),
        project=("a pilot of smaller classes", "the new reading course", "a later start of the school day"),
        measure=("the number of new pupils", "examination results", "the share of absent pupils"),
        crowd=("pupils", "teachers", "parents"),
    ),
    Topic(
        body=("electricity works", "energy office", "grid operator"),
        project=("the wind park on the ridge", "a district heating line", "the shutdown of the old boiler house"),
        measure=("the price of heating", "the output of the solar fields", "the number of power cuts"),
        crowd=("customers", "tenants", "farmers"),
    ),
    Topic(
        body=("football club", "athletics union", "rowing federation", "swimming league"),
        project=("the move to the north stadium", "a youth tournament", "the contract of the head coach"),
        measure=("the number of season tickets", "attendance at home games", "the club's losses"),
        crowd=("supporters", "young players", "members"),
    ),
    Topic(
        body=("chamber of commerce", "savings bank", "employment office", "statistics bureau"),
        project=("a loan scheme for small firms", "the merger of two mills", "a fair for apprentices"),
        measure=("unemployment", "the number of new firms", "prices of bread and milk", "exports of furniture"),
        crowd=("workers", "savers", "small firms"),
    ),
    Topic(
        body=("weather service", "civil protection office", "fire brigade"),
        project=("a new set of flood sirens", "an earlier storm warning", "the rebuilding of the dyke"),
        measure=("rainfall", "the number of storm days", "the number of forest fires"),
        crowd=("villagers", "campers", "home owners"),
    ),
)

AWAY_TOPICS = (
    Topic(
        body=("harbour authority", "fisheries office", "ferry operator", "coast guard"),
        project=(
            "the deepening of the south channel",
            "a quota for herring",
            "a night ferry",
            "a new quay for timber",
        ),
        measure=("the herring catch", "the number of containers", "the count of calls for help at sea"),
        crowd=("fishing crews", "dock workers", "islanders"),
    ),
    Topic(
        body=("farmers' cooperative", "veterinary office", "seed institute"),
        project=("a trial of drought-proof barley", "the new cattle register", "a limit on spraying near streams"),
        measure=("the wheat harvest", "the price of milk paid to farms", "the number of sick herds"),
        crowd=("growers", "beekeepers", "dairy farms"),
    ),
    Topic(
        body=("observatory", "satellite institute", "polar research station"),
        project=("a telescope for faint comets", "the launch of a small satellite", "a survey of sea ice"),
        measure=("the number of observed meteors", "the thickness of winter ice", "the hours of clear sky"),
        crowd=("astronomers", "students", "amateur observers"),
    ),
    Topic(
        body=("city museum", "opera house", "heritage trust"),
        project=("the return of three paintings", "the restoration of the organ", "free entry on Sundays"),
        measure=("the number of visitors", "gifts from patrons", "the cost of insurance"),
        crowd=("visitors", "musicians", "collectors"),
    ),
    Topic(
        body=("district court", "prosecutor's office", "land registry", "election commission"),
        project=("the appeal of a housing company", "a digital register of deeds", "the recount in two wards"),
        measure=("the number of open cases", "turnout", "the length of trials"),
        crowd=("voters", "lawyers", "home buyers"),
    ),
)
