"""One change to a sentence that makes it false: a number, unit, date, name, negation or modality.

Each function takes the sentence, the text of its documents, texts of other documents and a random.Random, and
gives the changed sentence or None where there is nothing of its kind to change.
"""

import re

MONTHS = "January February March April May June July August September October November December".split()
DATE = re.compile(rf"\b(?:\d{{1,2}} )?(?:{'|'.join(MONTHS)})(?: \d{{1,2}}(?:st|nd|rd|th)?,?)?(?: \d{{4}})?\b|\b(?:1[5-9]|20)\d\d\b")
NUMBER = re.compile(r"(?<![\w.,/-])(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)(?![\w/]|[.,-]\d)")
WORD_NUMBERS = "two three four five six seven eight nine ten twelve fifteen twenty thirty forty fifty sixty ninety".split()
WORD_NUMBER = re.compile(rf"\b({'|'.join(WORD_NUMBERS)})\b(?! \(|-)", re.I)
UNITS = [["second", "minute", "hour", "day", "week", "month", "year"], ["milligram", "gram", "kilogram"], ["mg", "g", "kg", "mcg"],
         ["mm", "cm", "m", "km"], ["KB", "MB", "GB", "TB"], ["KiB", "MiB", "GiB", "TiB"], ["ml", "l", "dl"], ["bit", "byte"],
         ["inch", "foot", "mile"], ["inches", "feet", "miles"], ["dollar", "euro"], ["Hz", "kHz", "MHz", "GHz"], ["ms", "s"]]
NOT_NAMES = set("""The This That These Those A An In On At For If When Where While Because However It Its He She They We You I Each Any All
No Not But And Or As By With From To Of Is Are Was Were Be May Must Shall Can Should Will Would There Here Section Article Figure Table
Agreement Party Parties Company Customer Please Note Also Then Your Our Their His Her My Such Both Either Neither Some Most Many Other""".split())
NAME = re.compile(r"(?<=[a-z0-9,)] )([A-Z][A-Za-z0-9]+(?:[ -][A-Z][A-Za-z0-9]+){0,2})\b")


def pick(random, items):
    return items[random.randrange(len(items))] if items else None


def replaced(sentence, match, new, group=0):
    return sentence[:match.start(group)] + new + sentence[match.end(group):]


def dates_in(text):
    return [m for m in DATE.finditer(text) if re.search(r"\d", m.group())]


def change_number(sentence, documents, others, random):
    spans = [m.span() for m in dates_in(sentence)]
    found = [m for m in NUMBER.finditer(sentence) if not any(a <= m.start() < b for a, b in spans)
             and not re.search(r"(?:[Pp]assages?|and|\[[\d, ]*) ?$", sentence[:m.start()])]
    found += [m for m in WORD_NUMBER.finditer(sentence)]
    match = pick(random, found)
    if match is None:
        return None
    old = match.group()
    if old.lower() in WORD_NUMBERS:
        same = [m.group().lower() for m in WORD_NUMBER.finditer(documents) if m.group().lower() != old.lower()]
        new = pick(random, same) if same and random.random() < 0.5 else pick(random, [w for w in WORD_NUMBERS if w != old.lower()])
        return replaced(sentence, match, new.capitalize() if old[0].isupper() else new)
    value = float(old.replace(",", ""))
    same = [m.group() for m in NUMBER.finditer(documents) if float(m.group().replace(",", "")) != value]
    if same and random.random() < 0.5:
        return replaced(sentence, match, pick(random, same))
    new = old
    while new == old or float(new.replace(",", "")) == value:
        at = pick(random, [i for i, c in enumerate(old) if c.isdigit()])
        new = old[:at] + str(random.randrange(1, 10)) + old[at + 1:]
    return replaced(sentence, match, new)


def change_unit(sentence, documents, others, random):
    found = []
    for family in UNITS:
        for i, unit in enumerate(family):
            for m in re.finditer(rf"([ -]?)\b({unit})(s?)\b|(?<=\d)()({unit})()\b", sentence):
                before = sentence[:m.start()]
                if m.group(2) is None or len(unit) > 2 and re.search(r"(?:\d|\b(?:half|%s))\)?$" % "|".join(WORD_NUMBERS), before) or re.search(r"\d$", before):
                    found.append((m, 2 if m.group(2) else 5, [u for j, u in enumerate(family) if j != i]))
    choice = pick(random, found)
    if choice is None:
        return None
    return replaced(sentence, choice[0], pick(random, choice[2]), choice[1])


def change_date(sentence, documents, others, random):
    found = dates_in(sentence)
    match = pick(random, found)
    if match is None:
        return None
    old = match.group()
    same = [m.group() for m in dates_in(documents) if m.group() != old and len(m.group().split()) == len(old.split())]
    if same and random.random() < 0.5:
        new = pick(random, same)
        if new not in sentence:
            return replaced(sentence, match, new)
    year = re.search(r"\d{4}", old)
    month = re.search("|".join(MONTHS), old)
    kinds = ([year] if year else []) + ([month] if month else [])
    part = pick(random, kinds)
    if part is None:
        return None
    if part is year:
        new = str(int(year.group()) + pick(random, [-10, -3, -2, -1, 1, 2, 3, 10]))
    else:
        new = pick(random, [m for m in MONTHS if m != month.group()])
    return replaced(sentence, match, replaced(old, part, new))


def names_in(text):
    return [m for m in NAME.finditer(text) if not set(re.split(r"[ -]", m.group(1))) & NOT_NAMES and len(m.group(1)) > 2]


def change_name(sentence, documents, others, random):
    match = pick(random, names_in(sentence))
    if match is None:
        return None
    old = match.group(1)
    parts = set(re.split(r"[ -]", old))
    def other(text):
        return [m.group(1) for m in names_in(text) if not set(re.split(r"[ -]", m.group(1))) & parts and m.group(1) not in sentence]
    same = other(documents)
    new = pick(random, same) if same and random.random() < 0.5 else pick(random, other(others))
    return replaced(sentence, match, new, 1) if new else None


AUXILIARY = r"\b(is|are|was|were|can|could|will|would|shall|should|must|may|has been|have been|had been)\b(?! not|n't| never| (?:have )?no | none|'t)"
VERBS = {"requires": "require", "includes": "include", "provides": "provide", "allows": "allow", "causes": "cause", "contains": "contain",
         "supports": "support", "uses": "use", "makes": "make", "increases": "increase", "reduces": "reduce", "means": "mean", "returns": "return",
         "affects": "affect", "helps": "help", "occurs": "occur", "shows": "show", "gives": "give", "covers": "cover", "applies": "apply",
         "grants": "grant", "specifies": "specify", "creates": "create", "needs": "need", "works": "work", "enables": "enable"}
OPPOSITES = [("able", "unable"), ("lawful", "unlawful"), ("limited", "unlimited"), ("known", "unknown"), ("common", "uncommon"), ("likely", "unlikely"),
             ("necessary", "unnecessary"), ("authorized", "unauthorized"), ("available", "unavailable"), ("safe", "unsafe"), ("related", "unrelated"),
             ("successful", "unsuccessful"), ("usual", "unusual"), ("clear", "unclear"), ("affected", "unaffected"), ("changed", "unchanged"),
             ("valid", "invalid"), ("complete", "incomplete"), ("correct", "incorrect"), ("effective", "ineffective"), ("active", "inactive"),
             ("possible", "impossible"), ("exclusive", "non-exclusive"), ("reasonable", "unreasonable")]
REMOVALS = [(r"\bcannot\b", "can"), (r"\bcan't\b", "can"), (r"\b(do|does|did) not (?=[a-z])", ""), (r"\b(don't|doesn't|didn't) ", ""), (r"\bwithout\b", "with"),
            (r"(?<=\w) not\b(?! only| limited| later| less| more)", ""), (r"\bnever\b", "always"), (r"\bno (?=[a-z]{3,})(?!later|more|less|longer)", "a "),
            (r"\bnone of\b", "all of"), (r"\bisn't\b", "is"), (r"\baren't\b", "are"), (r"\bNo (?=[a-z]{3,})(?!later|more|less|longer)", "A ")]


def change_negation(sentence, documents, others, random):
    ways = []
    for pattern, new in REMOVALS:
        ways += [(m, new, 0) for m in re.finditer(pattern, sentence)]
    removed = bool(ways)
    for m in re.finditer(AUXILIARY, sentence):
        word = m.group(1)
        first = word.split()[0]
        forms = [word.replace(first, first + " not", 1), word.replace(first, first + " never", 1)]
        if word == "can":
            forms = ["cannot", "can never", "can't"]
        ways.append((m, pick(random, forms), 1))
    for verb, base in VERBS.items():
        ways += [(m, pick(random, ["does not ", "never "]) , verb, base) for m in re.finditer(rf"\b{verb}\b", sentence)]
    ways += [(m, "without", 0) for m in re.finditer(r"\bwith (?=(?:the|a|an|any|prior|written|such)\b)", sentence)]
    for plain, opposite in OPPOSITES:
        ways += [(m, opposite, 0) for m in re.finditer(rf"(?<![-\w]){plain}\b", sentence)]
        ways += [(m, plain, 0) for m in re.finditer(rf"(?<![-\w]){opposite}\b", sentence)]
    if removed and random.random() < 0.5:
        ways = [way for way in ways if way[1] in {new for _, new in REMOVALS}]
    way = pick(random, ways)
    if way is None:
        return None
    if len(way) == 4:
        match, cue, verb, base = way
        return replaced(sentence, match, "never " + verb if cue == "never " else cue + base)
    match, new, group = way
    if new == "without":
        new = "without "
    text = replaced(sentence, match, new, group)
    return " ".join(text.split())


MODALITY = [(r"\bshall\b", ["may"]), (r"\bmust\b", ["may", "can"]), (r"\bmay\b", ["shall", "must"]), (r"\bcan\b", ["must"]),
            (r"\bis required to\b", ["is allowed to", "may"]), (r"\bare required to\b", ["are allowed to", "may"]),
            (r"\bis permitted to\b", ["is required to"])]


def change_modality(sentence, documents, others, random):
    ways = [(m, new) for pattern, news in MODALITY for m in re.finditer(pattern, sentence) for new in news
            if not re.match(r" ?(?:not\b|never\b)|'t", sentence[m.end():])]
    way = pick(random, ways)
    return replaced(sentence, way[0], way[1]) if way else None


KINDS = {"number": change_number, "unit": change_unit, "date": change_date, "name": change_name, "negation": change_negation,
         "modality": change_modality}
