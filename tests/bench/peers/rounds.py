"""Contenders measured in turn (A B A B …), so that what changes on the machine touches all of them alike."""

import dataclasses
import statistics
import time
from collections.abc import Callable

from processes import NotMeasured

# After a first look at every setting, this many peers are kept for each figure: the best, and the next if it is close.
KEPT_PER_FIGURE = 2
CLOSE = 0.9  # of the best one's speed
SHORT_LOOK_S = 20  # a look that took less is taken twice, and the better value counts: short runs are easily disturbed


@dataclasses.dataclass
class Contender:
    name: str
    measure: Callable[[], dict]  # {figure: value}; raises NotMeasured
    ours: bool = False
    command: str = ""            # what `measure` runs, for the reader
    warm_up: Callable[[], dict] | None = None  # run once before the rounds, not counted


def short(value, digits=3):
    """With as many significant digits, but no whole number cut."""
    return f"{value:.0f}" if abs(value) >= 10 ** digits else f"{value:.{digits}g}"


@dataclasses.dataclass
class Series:
    """All values of one figure of one contender."""
    values: list

    @property
    def median(self):
        return statistics.median(self.values)

    def text(self, digits=3):
        """`median (min–max)`"""
        median, low, high = (short(value, digits) for value in (self.median, min(self.values), max(self.values)))
        return f"{median} ({low}–{high})"


@dataclasses.dataclass
class Outcome:
    """series[contender][figure]; first_look the same with one value, of settings that were left out after it."""
    series: dict = dataclasses.field(default_factory=dict)
    first_look: dict = dataclasses.field(default_factory=dict)
    failures: dict = dataclasses.field(default_factory=dict)  # contender -> why


def worth_measuring(looks, lower_is_better):
    """Names of the peers that are the best, or close to it, in at least one figure."""
    kept = set()
    for figure in {figure for look in looks.values() for figure in look} - {"peak_bytes"}:
        speed = {name: 1 / look[figure] if figure in lower_is_better else look[figure]
                 for name, look in looks.items() if look.get(figure)}
        best = sorted(speed, key=speed.get, reverse=True)[:KEPT_PER_FIGURE]
        kept |= {name for name in best if speed[name] >= CLOSE * speed[best[0]]}
    return kept


def better(one, other, lower_is_better):
    return {figure: (min if figure in lower_is_better else max)(value, other[figure]) for figure, value in one.items()}


def compare(contenders, repetitions, lower_is_better, say):
    """Looks at each peer's settings once, keeps the good ones, and measures these and ours in turn."""
    outcome = Outcome()

    def attempt(contender):
        try:
            return contender.measure()
        except NotMeasured as error:
            outcome.failures[contender.name] = str(error)
            say(f"{contender.name}: not measured: {error}")
            return None

    for contender in contenders:
        if contender.warm_up is not None:
            say(f"warming up: {contender.name}")
            attempt(dataclasses.replace(contender, measure=contender.warm_up))
    peers = [c for c in contenders if not c.ours]
    if len(peers) > 1:
        looks = {}
        for peer in peers:
            say(f"first look: {peer.name}")
            start = time.monotonic()
            look = attempt(peer)
            if look is not None and time.monotonic() - start < SHORT_LOOK_S:
                again = attempt(peer)
                look = better(look, again, lower_is_better) if again is not None else None
            if look is not None:
                looks[peer.name] = look
        kept = worth_measuring(looks, lower_is_better)
        outcome.first_look = {name: look for name, look in looks.items() if name not in kept}
        peers = [peer for peer in peers if peer.name in kept]
    running = [c for c in contenders if c.ours] + peers
    for number in range(repetitions):
        for contender in running:
            if contender.name in outcome.failures:
                continue
            say(f"round {number + 1} of {repetitions}: {contender.name}")
            figures = attempt(contender)
            if figures is None:
                outcome.series.pop(contender.name, None)  # a median over fewer rounds is another figure
                continue
            of_contender = outcome.series.setdefault(contender.name, {})
            for figure, value in figures.items():
                of_contender.setdefault(figure, Series([])).values.append(value)
    return outcome
