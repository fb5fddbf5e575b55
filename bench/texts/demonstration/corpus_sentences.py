"""Sentences and words of the demonstration corpus; every one of them is made up.

A name in braces is a slot. It is filled from ``WORDS``, from the article's topic or from the names of its split; the
slots of ``ONCE`` are filled once for an article, all others anew each time.
"""

ONCE = ("town", "body", "project", "measure", "crowd", "person", "company", "outlet", "period", "office")

WORDS = {
    "first": (
        "Mara", "Tobias", "Ines", "Corin", "Della", "Hugo", "Petra", "Anselm", "Ruth", "Ivo", "Selma", "Jonas", "Nadia",
        "Bram", "Odile", "Felix", "Greta", "Samir", "Leonie", "Pavel",
    ),
    "town": ("{town_head}{town_tail}",) * 4 + ("Upper {town_head}{town_tail}",),
    "surname": ("{surname_head}{surname_tail}",),
    "outlet": ("{town} {paper}",),
    "person": ("{first} {surname}",),
    "company": ("{surname} {trade}",),
    "trade": ("Timber", "Foods", "Logistics", "Instruments", "Textiles", "Engineering", "Glass", "Software"),
    "weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    "month": ("January", "February", "March", "April", "May", "June", "July", "September", "October", "November"),
    "season": ("spring", "summer", "autumn", "winter"),
    "period": ("the last quarter", "the first half of the year", "the past twelve months", "the cold months", "August"),
    "rose": ("rose", "fell", "went up", "went down", "grew", "shrank"),
    "said": ("said", "explained", "stated", "told reporters", "noted"),
    "few": ("two", "three", "four", "five", "six", "seven"),
    "office": ("director", "spokeswoman", "spokesman", "treasurer", "deputy head", "chief engineer", "chair"),
    "place": ("the {body}", "every branch library", "the town hall", "the office in {town}"),
    "reason": (
        "higher costs of material", "an unusually dry {season}", "a change in the way it is counted", "weaker demand",
        "the opening of a new branch", "a shortage of staff", "earlier repairs", "a longer holiday season",
        "a rise in fees last {season}", "an error in the first count",
    ),
    "quote": (
        "the result is in line with the forecast", "the next step depends on the weather", "the date is realistic",
        "it is too early to speak of a trend", "the delay was caused by a missing part", "some criticism was fair",
        "the {crowd} will be heard first", "the plan can be paid for without a new loan", "no jobs are at risk",
        "the team expected a smaller effect", "{project} would come later than hoped", "{measure} should settle soon",
    ),
    "they": ("the elites", "the people at the top", "corrupt officials", "the powerful", "big business"),
    "plot": ("cover-up", "plan to control {crowd}", "deal", "poison scandal", "surveillance scheme", "money trail"),
    "cure": ("kitchen spice", "forgotten root", "two-minute trick", "old village remedy", "glass of warm salt water"),
    "document": ("secret file", "leaked memo", "hidden recording", "scandalous letter", "smoking-gun video"),
    "horror": (
        "mind control", "poisoned tap water", "stolen votes", "secret chips", "a fake emergency", "missing children",
        "dark rituals",
    ),
    # what is whispered
    "claim": (
        "the {body} paid for {project} twice", "{project} was agreed upon years before any vote",
        "the figures on {measure} were made up", "{company} wrote the decision itself", "a second set of books exists",
        "{person} has already left the country", "{crowd} were counted who do not exist",
        "{project} will be dropped without notice", "the samples were exchanged before the test",
    ),
    # what may be true or not; the text does not tell
    "event": (
        "{measure} fell by half within a week", "the contract with {company} was ended in {month}",
        "{crowd} will have to pay for {project} themselves", "{person} gave up the post in {month}",
        "the {body} of {town} is to be closed in {month}", "{project} was finished in {month} without a vote",
        "the money for {project} was spent on a new office", "{company} will move {few} branches to {town}",
        "about {number} {crowd} have lost their claims", "the region will not pay its share of {money}",
    ),
}  # fmt: skip

SOBER_TITLES = (
    "{town} {body} approves {project}",
    "{town} {body} postpones {project} to {month}",
    "{Body} reports on {measure} in {town}",
    "{Measure} {rose} by {percent} per cent, says {body}",
    "{Project}: {body} names a date",
    "{town}: {few} bids for {project}",
    "{person} to lead {body} of {town}",
    "{Crowd} and {body} in {town} agree on {project}",
    "What {project} will mean for {crowd} in {town}",
    "{company} and {body} present {project}",
    "{town} to hear {crowd} on {project}",
    "{Body}: {measure} little changed",
)

SOBER_SENTENCES = (
    "The {body} of {town} voted for {project} on {weekday}, with {few} members against.",
    "{Measure} {rose} by {percent} per cent in {period}, the {body} {said} on {weekday}.",
    "According to the {body}, the reason is {reason}.",
    "The work is to cost {money} and to end in {month}.",
    "{person}, {office} of the {body}, {said} that {quote}.",
    "The report covers {period} and can be read at {place}.",
    "{company} was chosen from {few} bidders.",
    "{Crowd} have until the end of {month} to send their remarks to {place}.",
    "A first draft was sent back in {month} because of {reason}.",
    "In the year before, {measure} had hardly changed.",
    "The {outlet} had reported on {project} in {month}.",
    "About {number} {crowd} are affected, most of them in {town}.",
    "A spokesman for {company} confirmed the sum of {money}.",
    "The next meeting is planned for {weekday}, {day} {month}.",
    "The {body} expects {measure} to change little before the {season}.",
    "Critics among the {crowd} ask for a longer trial.",
    "{person} added that {quote}.",
    "Half of the money comes from the region, the rest from {company}.",
    "A hearing for {crowd} will be held at {place} in {month}.",
    "The plan was changed {few} times after talks with {crowd}.",
    "An independent check by {company} found no faults.",
    "In {month}, {crowd} had complained about {reason}.",
)

TABLOID_TITLES = (
    "Fury over {project}: {crowd} demand answers",
    "Shock for {crowd} as {body} stops {project}!",
    "Stunning turn in {town}: {measure} at a record",
    "Chaos in {town}! {Crowd} stranded after {project}",
    "{person}: 'It was a nightmare'",
)

TABLOID_SENTENCES = (
    "What a day for {town}!",
    "{Crowd} could hardly believe it.",
    "It is the biggest surprise in {town} for years.",
    "The row over {project} is getting louder!",
)

LURID_TITLES = (
    "SHOCKING: what {they} hide about {project}!",
    "You will not believe what the {body} did to {crowd}",
    "Insider reveals the secret {plot} behind {project}",
    "BREAKING: {person} CAUGHT in {plot}!!!",
    "{Cure} cures everything, and {they} are furious",
    "EXPOSED: {horror} in {town}",
    "The truth about {project} that nobody dares to print",
    "{Crowd} in PANIC: {body} admits {horror}!",
)

LURID_SENTENCES = (
    "The mainstream papers will not print a word of this.",
    "{They} have known the truth for years and buried it.",
    "One brave insider risked everything to bring out the {document}.",
    "Share this before it is deleted!",
    "Wake up, {town}!",
    "Doctors HATE this {cure}, because it works overnight.",
    "It is all about {horror}, and {they} are laughing at {crowd}.",
    "This is the biggest {plot} in history!!!",
    "Do your own research and never trust the {body} again.",
    "{person} was seen with a {document} and has been silent since.",
    "Absolutely NOBODY talks about {horror}.",
    "What happened next will make your blood boil.",
    "Every honest patriot must see the {document} now!",
    "The so-called experts were paid {money} to lie.",
)

DOUBTFUL_SENTENCES = (
    "People close to the matter, who did not want to be named, say that {claim}.",
    "A document that is passed around online appears to show that {claim}.",
    "Several experts are said to agree that {claim}.",
    "No copy of the report could be found.",
    "It is widely assumed that {claim}.",
    "The {body} did not answer, which many take as a yes.",
    "According to a post by a former employee, {claim}.",
    "Neither the {body} nor {company} has denied that {claim}.",
)

EVENT_SENTENCES = (
    "The {body} of {town} {said} on {weekday} that {event}.",
    "{person}, {office} of the {body}, {said} that {event}.",
    "The report for {period} states that {event}.",
    "As the {outlet} wrote in {month}, {event}.",
    "According to the {body}, {event}.",
)
