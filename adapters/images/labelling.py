"""By which shift each place of a hole is filled, so that neighbours of different shifts agree where they meet.

A shift map (Pritch et al. 2009): belief propagation in a small copy, with sweeps along rows and columns so that what
the border wants travels across the hole; then, from copy to copy, shifts are brought to the pixel and seams moved to
where they show least. Pure and deterministic.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.images.membrane import Field, Flags, depths, wider
from adapters.images.offsets import PULL, Offsets, magnified, sources

Labels = NDArray[np.int32]
Nodes = NDArray[np.int64]
AROUND = ((0, -1), (0, 1), (-1, 0), (1, 0))
"""From where words come: left, right, above, below."""
BORDER = 2
"""Known cells round the hole that take part."""
SEAM = 1.5
"""What a seam costs even where both sides agree, in the unit of colours."""
HELD = 2.0
"""How much more the known border counts than a seam."""
SWEEPS = 4
MOVES = 5
"""Rounds in which seams may move by a cell."""
FORBIDDEN = np.float32(1e4)
ANOTHER = 30.0
"""Of 255: what differs more is another thing, and no other light."""
LEVELLED = 24.0
"""Of 255: how much light is given or taken at most."""
FADING, STEPS, TINY = 1e-4, 150, 1e-12
"""How fast light fades with the distance, and how long it is looked for."""
RARE = 10.0
"""What it costs over a whole hole to copy what is rare round it, in the unit of colours."""
ALIKE, TONES = 20.0, 12
"""Of 255: what differs by less is of the same colour; so many tones of red, green and blue are told apart."""
STEP = 256 / TONES
DEEP = 8
"""Cells from the border from which on it counts wholly what is rare: nearer the border itself says what is there."""
SAMPLED = 1000
"""Cells that a shift is brought to the pixel by."""


@dataclass(frozen=True)
class Level:
    """A copy of the picture: `art` with its bands, what is to be filled, and what may be copied."""

    art: Field
    hole: Flags
    known: Flags


class Graph:
    """The cells of a hole with the border round it, as a list, and who is next to whom."""

    def __init__(self, level: Level) -> None:
        self.level = level
        self.inside = level.hole | (wider(level.hole, BORDER) & level.known)
        self.places = np.stack(np.nonzero(self.inside), axis=1)
        self.border = ~level.hole[tuple(self.places.T)]
        number = np.full(np.add(self.inside.shape, 2), -1, np.int64)
        number[1:-1, 1:-1][self.inside] = np.arange(len(self.places))
        rows, columns = (self.places + 1).T
        self.next = np.stack([number[rows + down, columns + across] for down, across in AROUND])
        self._pull = np.array(PULL, np.float32) / (float(np.sqrt(level.hole.sum())) + 1)
        self._rare = _rarity(level, self)
        self._deep = np.clip((depths(level.hole, DEEP + 1)[self.inside] - 1) / DEEP, 0, 1).astype(np.float32)

    def taken(self, nodes: Nodes, shifts: Offsets) -> tuple[Field, Flags]:
        """What the nodes would get from so far away, and whether it may be had."""
        return looked(self.level, self.places[nodes], shifts)

    def alone(self, nodes: Nodes, shifts: Offsets) -> Field:
        """What a shift costs a node by itself: unlike the border that it covers, far away, rare there, or not to be
        had."""
        places = self.places[nodes]
        art, good = looked(self.level, places, shifts)
        own = self.level.art[places[..., 0], places[..., 1]]
        row, column = sources(places, shifts)
        away = self._pull[0] * np.abs(row - places[..., 0]) + self._pull[1] * np.abs(column - places[..., 1])
        height, width = self.inside.shape
        row, column = np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)
        cost = away + np.where(self.border[nodes], HELD * _apart(art, own), self._rare[row, column] * self._deep[nodes])
        return np.where(good, cost, FORBIDDEN).astype(np.float32)


def _rarity(level: Level, graph: Graph) -> Field:
    """What it costs to copy colours that are rare along the border: a thing that the hole only touches is no ground."""
    border = graph.places[graph.border]
    if not len(border):
        return np.zeros(level.hole.shape, np.float32)
    kinds = (np.clip(level.art[..., :3], 0, 255) / STEP).astype(np.intp) @ np.array([TONES * TONES, TONES, 1])
    seen = np.bincount(kinds[tuple(border.T)], minlength=TONES**3)
    tones = (np.indices((TONES, TONES, TONES)).reshape(3, -1).T + 0.5).astype(np.float32) * STEP
    there = np.flatnonzero(seen)
    apart = ((tones[:, None] - tones[there]) ** 2).sum(axis=-1)
    near = np.exp(-apart / (2 * ALIKE * ALIKE)) @ seen[there]
    size = float(np.sqrt(level.hole.sum())) + 1
    return np.asarray((RARE / size * -np.log(near / near.max() + 0.02))[kinds], np.float32)


def believed(graph: Graph, shifts: Offsets) -> Labels:
    """For each node the number of its shift, by belief propagation."""
    count, kinds = len(graph.places), len(shifts)
    every = np.broadcast_to(np.arange(count)[:, None], (count, kinds))
    each = np.broadcast_to(shifts, (count, kinds, 3))
    own, (art, _) = graph.alone(every, each), graph.taken(every, each)
    squares = (art * art).sum(axis=-1)
    between = squares[:, :, None] + squares[:, None] - 2 * art @ art.transpose(0, 2, 1)
    apart = np.sqrt(np.maximum(between, 0)).astype(np.float32) + SEAM / 2 * (1 - np.eye(kinds, dtype=np.float32))
    words = np.zeros((4, count, kinds), np.float32)
    for _ in range(SWEEPS):
        for side, (down, across) in enumerate(AROUND):
            for nodes in _lines(graph, down, across):
                _told(graph, own, apart, words, side, nodes)
    return np.asarray((own + words.sum(axis=0)).argmin(axis=1), np.int32)


def _lines(graph: Graph, down: int, across: int) -> list[Nodes]:
    """The nodes by row or column, in the order in which words go from that side to the other."""
    axis, step = (0, down) if down else (1, across)
    at = graph.places[:, axis]
    order = range(int(at.min()), int(at.max()) + 1)
    return [np.flatnonzero(at == line) for line in (order if step < 0 else reversed(order))]


def _told(graph: Graph, own: Field, apart: Field, words: Field, side: int, nodes: Nodes) -> None:
    """The nodes hear from that side what it would cost their neighbour to have each of their shifts beside it."""
    others = graph.next[side, nodes]
    nodes, others = nodes[others >= 0], others[others >= 0]
    if not len(nodes):
        return
    heard = own[others] + words[:, others].sum(axis=0) - words[side ^ 1, others]
    said = (heard[:, :, None] + apart[others] + apart[nodes]).min(axis=1)
    words[side, nodes] = said - said.min(axis=1, keepdims=True)


def moved(graph: Graph, shifts: Offsets, labels: Labels) -> Labels:
    """Seams moved cell by cell to where they cost less."""
    labels = labels.copy()
    colour = graph.places.sum(axis=1) % 2
    for turn in range(2 * MOVES):
        beside = np.where(graph.next >= 0, labels[graph.next], labels)
        active = np.flatnonzero((colour == turn % 2) & (beside != labels).any(axis=0))
        if not len(active):
            continue
        offers = np.concatenate([labels[None, active], beside[:, active]])
        costs = np.stack([_cost(graph, shifts, labels, active, offer) for offer in offers])
        labels[active] = offers[costs.argmin(axis=0), np.arange(len(active))]
    return labels


def _cost(graph: Graph, shifts: Offsets, labels: Labels, nodes: Nodes, offer: Labels) -> Field:
    """What it costs the nodes to take the offered shifts beside their neighbours."""
    cost, mine = graph.alone(nodes, shifts[offer]), shifts[offer]
    for side in range(4):
        others = graph.next[side, nodes]
        there = others >= 0
        theirs = shifts[labels[others]]
        seam = SEAM + sum(_apart(graph.taken(each, mine)[0], graph.taken(each, theirs)[0]) for each in (nodes, others))
        cost += np.where(there & (offer != labels[others]), seam, 0)
    return cost


def registered(graph: Graph, shifts: Offsets, labels: Labels, fine: Level, times: int) -> Offsets:
    """The shifts, times `times`, in the finer copy: each by so many cells nearer or further that it fits best to the
    border, and to those that were fitted before it."""
    found, sure = magnified(shifts, times), np.zeros(len(labels), bool)
    reach = np.arange(-(times // 2), times // 2 + 1, dtype=np.int32)
    tries = np.stack(np.meshgrid(reach, reach, indexing="ij"), axis=-1).reshape(-1, 2)
    tries = np.pad(tries[np.argsort(np.abs(tries).sum(axis=1), kind="stable")], ((0, 0), (0, 1)))
    touching = np.bincount(labels[graph.border], minlength=len(shifts))
    for label in np.argsort(-touching, kind="stable"):
        mine = labels == label
        if not mine.any():
            continue
        places, wanted = _wanted(graph, found, labels, mine, sure, fine, times)
        if len(places):
            misfits = [_misfit(fine, places, wanted, found[label] + each) for each in tries]
            found[label] += tries[int(np.argmin(misfits))]
        sure |= mine
    return found


def _wanted(
    graph: Graph, found: Offsets, labels: Labels, mine: Flags, sure: Flags, fine: Level, times: int
) -> tuple[Nodes, Field]:
    """Where one shift meets what is sure, in the finer copy, and what should be there."""
    nodes = [np.flatnonzero(mine & graph.border)]
    shifts = [np.broadcast_to(np.array([0, 0, 1], np.int32), (len(nodes[0]), 3))]
    for others in graph.next:
        nodes.append(np.flatnonzero(mine & (others >= 0) & sure[others]))
        shifts.append(found[labels[others[nodes[-1]]]])
    cells = np.stack(np.meshgrid(np.arange(times), np.arange(times), indexing="ij"), axis=-1).reshape(-1, 1, 2)
    places = (graph.places[np.concatenate(nodes)] * times + cells).reshape(-1, 2)
    asked = np.broadcast_to(np.concatenate(shifts), (len(cells), len(places) // len(cells), 3)).reshape(-1, 3)
    step = -(-len(places) // SAMPLED) or 1
    art, good = looked(fine, places[::step], asked[::step])
    return places[::step][good], art[good]


def _misfit(fine: Level, places: Nodes, wanted: Field, shift: Offsets) -> float:
    art, good = looked(fine, places, shift)
    return float(np.where(good, _apart(art, wanted), 255).mean())


def looked(level: Level, places: Nodes, shifts: Offsets) -> tuple[Field, Flags]:
    """What the places are filled with, and whether that may be copied."""
    height, width = level.hole.shape
    wished = sources(places, shifts)
    row, column = np.clip(wished[0], 0, height - 1), np.clip(wished[1], 0, width - 1)
    inside = (wished[0] == row) & (wished[1] == column)
    return level.art[row, column], inside & level.known[row, column]


def _apart(one: Field, other: Field) -> Field:
    """The distance of colours."""
    difference = one - other
    return np.asarray(np.sqrt(np.einsum("...c,...c->...", difference, difference)), np.float32)


def lit(graph: Graph, shifts: Offsets, labels: Labels) -> Field:
    """What light each node is given, so that none changes at the border and at seams: the gradients of what is copied
    are kept (Perez et al. 2003), but where two sides are so unlike that they are things and no light."""
    count = len(labels)
    every, mine = np.arange(count), shifts[labels]
    here = graph.taken(every, np.where(graph.border[:, None], np.array([0, 0, 1], np.int32), mine))[0][:, :3]
    lack, weight = np.zeros((4, count, 3), np.float32), np.zeros((4, count, 1), np.float32)
    for side in range(4):
        others = graph.next[side]
        there = (others >= 0) & ~(graph.border & graph.border[others])
        lack[side], alike = _lacking(graph, mine, here, every, others)
        weight[side] = (there & alike)[:, None]
    return _settled(graph, lack, weight)


def _lacking(graph: Graph, mine: Offsets, here: Field, every: Nodes, others: Nodes) -> tuple[Field, Flags]:
    """By how much the light of the neighbours should be above the nodes' own, and whether that is a matter of light."""
    wish, votes = np.zeros_like(here), np.zeros((len(here), 1), np.float32)
    for side, border in ((mine, graph.border), (mine[others], graph.border[others])):
        one, good = graph.taken(every, side)
        other, fine = graph.taken(others, side)
        vote = (good & fine & ~border)[:, None].astype(np.float32)
        wish, votes = wish + (other - one)[:, :3] * vote, votes + vote
    lack = wish / np.maximum(votes, 1) - (here[others] - here)
    return lack.astype(np.float32), np.abs(lack).max(axis=1) <= ANOTHER


def _settled(graph: Graph, lack: Field, weight: Field) -> Field:
    """The light that comes nearest to all that lacks, by conjugate gradients."""
    free = ~graph.border[:, None]

    def applied(light: Field) -> Field:
        pull = sum(weight[side] * (light - light[graph.next[side]]) for side in range(4))
        return np.asarray((pull + FADING * light) * free, np.float32)

    light = np.zeros(lack.shape[1:], np.float32)
    left = np.asarray(-(weight * lack).sum(axis=0) * free, np.float32)
    way, size = left.copy(), (left * left).sum(axis=0)
    for _ in range(STEPS):
        if size.max() < 1:
            break
        pull = applied(way)
        length = size / np.maximum((way * pull).sum(axis=0), TINY)
        light, left = light + length * way, left - length * pull
        before, size = size, (left * left).sum(axis=0)
        way = left + size / np.maximum(before, TINY) * way
    return np.clip(light, -LEVELLED, LEVELLED)
