"""BM25 as simple as it gets: no stop words, no stemmer but a dropped plural s."""

import re

import numpy

K1 = 0.9
B = 0.4


def tokens(text):
    """[a-z0-9]+ in lower case; a final s goes, of words of more than 3 letters that do not end in ss."""
    return [word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
            for word in re.findall(r"[a-z0-9]+", text.lower())]


class Bm25:
    def __init__(self, texts):
        found = {}
        lengths = numpy.zeros(len(texts))
        for number, text in enumerate(texts):
            counts = {}
            for word in tokens(text):
                counts[word] = counts.get(word, 0) + 1
                lengths[number] += 1
            for word, count in counts.items():
                found.setdefault(word, ([], []))
                found[word][0].append(number)
                found[word][1].append(count)
        self._postings = {word: (numpy.array(rows), numpy.array(counts, dtype=float)) for word, (rows, counts) in found.items()}
        self._norm = K1 * (1 - B + B * lengths / max(lengths.mean(), 1e-9))

    def scores(self, query):
        """Of every text; a word that is asked twice counts once."""
        scores = numpy.zeros(len(self._norm))
        for word in dict.fromkeys(tokens(query)):
            if word not in self._postings:
                continue
            rows, counts = self._postings[word]
            idf = numpy.log(1 + (len(self._norm) - len(rows) + 0.5) / (len(rows) + 0.5))
            scores[rows] += idf * counts * (K1 + 1) / (counts + self._norm[rows])
        return scores
