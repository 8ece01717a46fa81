"""Which messages belong together: by what they say above all, and by who sends them, from where, under which subject.

Pure and incremental: a message costs some forty look-ups, whatever the number of messages before it. What many
clusters say (a greeting, a disclaimer, `unsubscribe`) tells nothing, and is found out by counting; so legitimate mail
in the same language, or from the same large provider, does not fall together.
"""

from array import array
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Final, Literal, NamedTuple

from mxtui.sifting.core import Core
from mxtui.sifting.lookup import SLOTS, Lookup
from mxtui.sifting.shapes import is_telling, phrases
from mxtui.sifting.sketch import PARTS, number, numbers

COMMON: Final = 24
COMMON_SHARE: Final = 0.005
"""A word or pair that so many clusters were founded with, or so large a share of all, is anybody's.

Of a campaign that is worded differently each time some messages found clusters before it is clear that they are one.
Were they enough for what it says to be anybody's, each further one would found another: with 8 it came to that in one
order of six.
"""

ALIKE: Final = 0.30
"""Share of what a body says, but for what anybody says, that has to be a cluster's for it to be that cluster's."""

AKIN: Final = 0.12
"""Share from which on it counts where sender, network or subject agree as well."""

VOTES: Final = 5
KIN_VOTES: Final = 2
"""Of 32, at least: a share of little is little."""

SHORT: Final = 12
"""Words. What shorter bodies say, many say: something else has to agree, or nearly all of it."""

SHORTEST: Final = 6
NEARLY_ALL: Final = 0.8
"""Words, and share of what they tell, from which on a short body is believed."""

CANDIDATES: Final = 6
"""Clusters that a message is compared with."""

Body = Literal["alike", "akin", "other"]

Agreement = Literal["attached", "sender", "subject", "network", "sender and subject", "network and subject"]

Keys = list[tuple[Agreement, int]]
"""What a message can have in common with others beside its text, each as a hash."""

Said = Mapping[int, tuple[int, int]]
"""What a body says, each with the cluster that it was entered for and how many were founded with it."""


_SALTS: Final = tuple(part * 0x85EBCA6B for part in range(PARTS))


class Traits(NamedTuple):
    """What a message is grouped by."""

    sketch: bytes
    words: int
    """In its body."""
    subject: str
    """`shapes.subject_shape`."""
    sender: str
    """`model.origin.sender_shape`; empty is the null sender."""
    network: str
    """`model.origin.network`; empty where unknown."""
    attachments: tuple[bytes, ...] = ()
    """Hashes of what is attached, but for pictures."""


class Placed(NamedTuple):
    """Where a message belongs."""

    cluster: int
    """From 1 on."""
    absorbed: tuple[int, ...] = ()
    """Clusters that turned out to be this one; they are no more."""


def belongs(body: Body, agreeing: Collection[Agreement]) -> bool:
    """Whether a message is a cluster's, by how its body compares and what else they have in common.

    Sender and network alone do not make it so: the mail of a stolen account is one thing, that of its owner another.
    """
    if body == "alike" or "attached" in agreeing:
        return True
    if body == "akin":
        return bool(agreeing)
    return "sender and subject" in agreeing or "network and subject" in agreeing


class Grouping:
    """Clusters, as far as they are known. Not for use from two threads at once."""

    def __init__(self, slots: int = SLOTS) -> None:
        self._said = Lookup(slots)
        self._seen = Lookup(slots)
        self._parents = array("I", [0])
        self._sizes = array("I", [0])
        self._cores: dict[int, Core] = {}

    def __len__(self) -> int:
        """Clusters founded so far."""
        return len(self._parents) - 1

    def size(self, cluster: int) -> int:
        """Messages that were placed in it."""
        return self._sizes[self.root(cluster)]

    def root(self, cluster: int) -> int:
        """What a cluster is part of now; 0 for none."""
        while self._parents[cluster] != cluster:
            self._parents[cluster] = self._parents[self._parents[cluster]]
            cluster = self._parents[cluster]
        return cluster

    def place(self, traits: Traits) -> Placed:
        """Where a message belongs; it counts as a member from now on."""
        said, keys = self._said.get_each(_said(traits)), _keys(traits)
        kin = self._kin(traits, said, keys)
        if not kin:
            cluster = self._found()
            self._enter(cluster, keys, said, founding=True)
            return Placed(cluster)
        cluster, *others = sorted(kin, key=lambda each: (-self._sizes[each], each))  # the largest keeps its name
        absorbed = tuple(other for other in others if self._same(cluster, other))
        for other in absorbed:
            self._absorb(cluster, other)
        self._enter(cluster, keys, said, founding=False)
        return Placed(cluster, absorbed)

    def restore(self, traits: Traits, cluster: int) -> None:
        """A message that was placed before, as it was remembered; in the order in which they were placed."""
        while len(self) < cluster:
            self._found()
        said = self._said.get_each(_said(traits))
        self._enter(cluster, _keys(traits), said, founding=not self._sizes[cluster])

    # -- comparing ----------------------------------------------------------------------------------------------

    @property
    def _common(self) -> float:
        """What so many clusters were founded with anybody says."""
        return min(255, max(COMMON, COMMON_SHARE * len(self)))

    def _kin(self, traits: Traits, said: Said, keys: Keys) -> list[int]:
        """Clusters that a message belongs to."""
        common = self._common
        telling = [each for each, (_, founded) in said.items() if founded < common]
        votes: Counter[int] = Counter()
        for owner, messages in Counter(owner for owner, founded in said.values() if owner and founded < common).items():
            votes[self.root(owner)] += messages
        agreeing = self._agreeing(keys)
        candidates = {*(each for each, _ in votes.most_common(CANDIDATES)), *agreeing}
        found = []
        for each in candidates:
            core = self._cores.get(each)
            shared = core.share(telling) if core is not None else votes[each]
            body = _body(shared, len(telling), traits.words)
            if belongs(body, agreeing.get(each, frozenset())):
                found.append(each)
        return found

    def _same(self, cluster: int, other: int) -> bool:
        """Whether two clusters that a message belongs to are one: by what all of their members say."""
        core, others = self._cores.get(cluster), self._cores.get(other)
        if others is None:
            return True  # a single message
        common = self._common
        own = [each for each in others.own() if self._said.get(each)[1] < common]
        return core is not None and core.share(own) >= max(VOTES, ALIKE * len(own))

    def _agreeing(self, keys: Keys) -> dict[int, frozenset[Agreement]]:
        """Clusters whose latest messages agree with this one in something beside their text, and in what."""
        found: dict[int, frozenset[Agreement]] = {}
        for what, key in keys:
            owner, _ = self._seen.get(key)
            if owner:
                cluster = self.root(owner)
                found[cluster] = found.get(cluster, frozenset()) | {what}
        return found

    # -- changing -----------------------------------------------------------------------------------------------

    def _found(self) -> int:
        cluster = len(self._parents)
        self._parents.append(cluster)
        self._sizes.append(0)
        return cluster

    def _absorb(self, cluster: int, other: int) -> None:
        self._parents[other] = cluster
        self._sizes[cluster] += self._sizes[other]
        core, others = self._cores.get(cluster), self._cores.pop(other, None)
        if core is not None and others is not None:
            core.absorb(others)

    def _enter(self, cluster: int, keys: Keys, said: Said, *, founding: bool) -> None:
        if not founding:
            if cluster not in self._cores:
                self._cores[cluster] = Core(
                    each for each, (owner, _) in said.items() if owner and self.root(owner) == cluster
                )
            self._cores[cluster].add(said)
        self._sizes[cluster] += 1
        roots = {owner: self.root(owner) for owner, _ in said.values()}  # a few, of many words
        for hashed, (before, _) in said.items():
            owner = roots[before]
            if founding:  # a large cluster's word stays its own, though others use it; how many do is counted
                self._said.put(hashed, owner if self._sizes[owner] > 1 else cluster, founding=True)
            elif owner != cluster and self._sizes[owner] < self._sizes[cluster]:
                self._said.put(hashed, cluster)
        for what, key in keys:
            owner = self.root(self._seen.get(key)[0])
            if what == "network" or self._sizes[owner] <= self._sizes[cluster]:
                self._seen.put(key, cluster)


def _body(shared: int, telling: int, words: int) -> Body:
    if shared >= max(VOTES, ALIKE * telling):
        long = words >= SHORT or (words >= SHORTEST and shared >= NEARLY_ALL * telling)
        return "alike" if long else "akin"
    return "akin" if shared >= max(KIN_VOTES, AKIN * telling) else "other"


def _said(traits: Traits) -> list[int]:
    """The numbers of a sketch as 64-bit hashes, each with its part."""
    return [
        value << 32 | (value * 0x9E3779B1 + salt & 0xFFFFFFFF)
        for salt, value in zip(_SALTS, numbers(traits.sketch), strict=True)
        if value
    ]


def _keys(traits: Traits) -> Keys:
    """What a message can have in common with others beside its text."""
    subject, sender, net = traits.subject, traits.sender, traits.network
    found: Keys = [("attached", number(f"a {each.hex()}")) for each in traits.attachments]
    found += [("subject", number(f"s {phrase}")) for phrase in phrases(subject)]
    if sender:
        found.append(("sender", number(f"f {sender}")))
        if subject:
            found.append(("sender and subject", number(f"fs {sender} {subject}")))
    if net:
        found.append(("network", number(f"n {net}")))
        if is_telling(subject):
            found.append(("network and subject", number(f"ns {net} {subject}")))
    return found
