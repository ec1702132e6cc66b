"""Sentences of documents that a change can be tried on, and shorter or reworded forms of them."""

import re

BOUNDARY = re.compile(r"(?<=\\[.!?])\s+|(?<=[a-z0-9)%\"'\]][.!?])[\"')\]]*\s+(?=[A-Z\"'(\[])|\n\s*\n")
ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|al|Fig|No|Dr|Mr|Mrs|Ms|St|Inc|Ltd|Co|U\.S|Art|Sec|approx|p|pp)\.$")


def split(text):
    """Sentences of a text, white space made single."""
    found, start = [], 0
    for boundary in BOUNDARY.finditer(text):
        if ABBREVIATION.search(text[start:boundary.start()]):
            continue
        found.append(text[start:boundary.start()])
        start = boundary.end()
    found.append(text[start:])
    return [" ".join(sentence.split()) for sentence in found if sentence.strip()]


def usable(sentence):
    """A whole sentence of prose: it begins and ends like one and has 8 to 45 words, mostly letters."""
    words = sentence.split()
    letters = sum(c.isalpha() or c == " " for c in sentence)
    return (8 <= len(words) <= 45 and sentence[0].isupper() and sentence[-1] == "." and letters >= 0.8 * len(sentence)
            and not sentence.isupper() and "?" not in sentence and not re.search(r"\b[\d.]+\.$|\. \w+\.$", sentence))


def shortened(sentence):
    """The sentence without a clause that its grammar does not need; None where there is none."""
    for pattern, replacement in ((r"\s*\([^()]{3,80}\)", ""),
                                 (r", (?:which|who|including|such as|particularly|especially)\b[^,.;]{8,90}(?=[,.])", ""),
                                 (r"^(?:If|When|Where|In|For|After|Before|During|Upon|However|Therefore|Furthermore|Additionally|Moreover)\b[^,.;]{0,70}, (?=[a-zA-Z])", ""),
                                 (r"(?:,|;) (?:and|but|or|because|since|while|although) [^,.;]{12,120}\.$", ".")):
        shorter = re.sub(pattern, replacement, sentence, count=1)
        if shorter != sentence and len(shorter.split()) >= 6:
            return shorter[0].upper() + shorter[1:]
    return None


NUMBER_WORDS = dict(zip("2 3 4 5 6 7 8 9 10 12 15 20 30 60 90".split(),
                        "two three four five six seven eight nine ten twelve fifteen twenty thirty sixty ninety".split()))
REWORDINGS = (
    (r"\bin order to\b", "to"), (r"\bprior to\b", "before"), (r"\bsuch as\b", "like"), (r"\bin the event that\b", "if"),
    (r"\bcan ?not\b", "can't"), (r"\bdoes not\b", "doesn't"), (r"\bdo not\b", "don't"), (r"\bis not\b", "isn't"),
    (r"\bshall\b", "must"), (r"\b(must|shall) be\b", "is required to be"), (r"\bapproximately\b", "about"),
    (r"\butili[sz]e", "use"), (r"\bcommence", "begin"), (r"\bsubsequent to\b", "after"), (r"\bhowever, ", ""),
    (r"\btherefore, ", ""), (r"\bin addition, ", ""), (r"(\d)\s?%", r"\1 percent"), (r"(\d),(\d{3})\b", r"\1\2"),
    (r"\bpursuant to\b", "under"), (r"\bobtain\b", "get"), (r"\bdemonstrated\b", "showed"), (r"\bhas been\b", "was"),
    (r"\bwith regard to\b", "about"), (r"\bdue to\b", "because of"), (r"\bseveral\b", "a number of"), (r"\bmay not\b", "must not"),
    (r"\b(\d+) \(\1\) ", r"\1 "), (r"\bthirty \(30\)", "30"), (r"\bten \(10\)", "10"), (r"\bper cent\b", "percent"),
)


def reworded(sentence):
    """The sentence in other words of the same meaning: at least one thing differs; None where that is not possible."""
    text, changes = sentence, 0
    for pattern, replacement in REWORDINGS:
        new = re.sub(pattern, replacement, text, count=1)
        changes += new != text
        text = new
    small = re.search(r"(?<![\d.,$-])(\d{1,2}) (?=(?:days|months|years|hours|minutes|weeks|patients|people|copies)\b)", text)
    if small and small.group(1) in NUMBER_WORDS:
        text = text[:small.start()] + NUMBER_WORDS[small.group(1)] + " " + text[small.end():]
        changes += 1
    # "If A, B." as "B if A."
    turned = re.match(r"(If|When|After|Before|Where) ([^,;.]{10,90}), ([a-z][^;]*)\.$", text)
    if turned:
        text = turned.group(3)[0].upper() + turned.group(3)[1:] + " " + turned.group(1).lower() + " " + turned.group(2) + "."
        changes += 1
    pair = re.search(r"\b([a-z]{4,}) (and|or) ([a-z]{4,})\b(?=[,.]| (?:of|in|for|to|by|from|that|which|is|are)\b)", text)
    if pair and not pair.group(3).endswith("ing"):
        text = text[:pair.start()] + f"{pair.group(3)} {pair.group(2)} {pair.group(1)}" + text[pair.end():]
        changes += 1
    return text if changes >= 1 else None
