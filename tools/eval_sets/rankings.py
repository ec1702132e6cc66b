"""Rankings of documents from two lists of scores, and how good a ranking is."""

import math

import numpy

DEPTH = 200   # of each of the two lists that are fused
RRF_K = 60    # Cormack, Clarke and Büttcher 2009


def best_first(scores, later_first=False):
    """Rows of the best scores. Of equal ones (a text that a set holds twice) the earlier first, or the later.

    Which is arbitrary. For emanual it moves nDCG@10 by 0.01; BM25 with the earlier, cosines with the later first give the published figures.
    """
    order = numpy.argsort(scores, kind="stable")[::-1] if later_first else numpy.argsort(-scores, kind="stable")
    return order[:DEPTH]


def reciprocal_ranks(*lists):
    """Row -> the sum over the lists of 1 / (60 + rank), ranks from 0."""
    fused = {}
    for ranking in lists:
        for rank, row in enumerate(ranking):
            fused[int(row)] = fused.get(int(row), 0) + 1 / (RRF_K + rank)
    return fused


def min_max_sum(lexical, dense):
    """Row -> half the lexical score over its maximum, half the cosine between its extremes over all rows; of both lists' best."""
    low, high = dense.min(), dense.max()
    top = max(lexical.max(), 1e-9)
    rows = {int(row) for row in (*best_first(lexical), *best_first(dense, later_first=True))}
    return {row: 0.5 * lexical[row] / top + 0.5 * (dense[row] - low) / max(high - low, 1e-9) for row in rows}


def ndcg(ranking, grades, depth=10):
    """Gain 2^grade - 1, discount log2(rank + 1), ranks from 1; 0 when nothing is relevant."""
    def sum_of(values):
        return sum((2 ** grade - 1) / math.log2(rank + 2) for rank, grade in enumerate(values[:depth]))
    best = sum_of(sorted((grade for grade in grades.values() if grade > 0), reverse=True))
    return sum_of([max(grades.get(document, 0), 0) for document in ranking]) / best if best else 0.0
