"""Filters and messages for property tests, made so that they meet: few letters, few values."""

from hypothesis import strategies as st

from mxtui.model.filter import And, Compare, Field, Filter, Match, Not, Or, Pattern, Relation
from mxtui.model.filter.syntax import IS_VALUES
from mxtui.model.message import STATES, QueuedMessage, Recipient, recipient_domain

NOW = 1_800_000_000.0

_LETTERS = 'abA.@-_%[]"\\ ()|*?<>éÉßıK\n'

words = st.text(_LETTERS, max_size=6)
addresses = st.builds("{}@{}".format, words, st.sampled_from(["a.example", "b.a.example", "A.EXAMPLE", "é.example"]))

_globs = st.text("abA.@-_%[\\éKıs*?", min_size=1, max_size=6).filter(lambda text: "*" in text or "?" in text)
wildcards = _globs.map(lambda text: Pattern(text, wildcard=True))
_values = st.one_of(words.filter(bool), addresses).map(Pattern)


_JUDGED = ("suspect", "backscatter")


def _matches(field: Field, patterns: st.SearchStrategy[Pattern]) -> st.SearchStrategy[Match]:
    return st.builds(Match, st.just(field), st.lists(patterns, min_size=1, max_size=3).map(tuple))


_bare_globs = wildcards.filter(lambda pattern: bool(pattern.text.strip("*?")))
_ids = st.sampled_from([Pattern("4fAbC1"), Pattern("4fabc1"), Pattern("4f*", True), Pattern("?fAbC1", True)])
_clients = st.sampled_from(
    [Pattern("198.51.100.7"), Pattern("198.51.100.0/24"), Pattern("2001:db8::/32"), Pattern("198.*", True)]
)

_STANDARD = {
    Field.ID: _ids,
    Field.SENDER: st.one_of(_values, wildcards, st.sampled_from([Pattern(""), Pattern("@a.example")])),
    Field.RECIPIENT: st.one_of(_values, wildcards, st.just(Pattern("@a.example"))),
    Field.DOMAIN: st.one_of(wildcards, st.sampled_from([Pattern("a.example"), Pattern("*.example", True)])),
    Field.STATE: st.sampled_from(STATES).map(Pattern),
    Field.REASON: st.one_of(_values, wildcards),
    Field.SUBJECT: st.one_of(_values, wildcards),
    Field.TEXT: st.one_of(_values, _bare_globs),
    Field.CLIENT: _clients,
    Field.IS: st.sampled_from([Pattern(word) for word in IS_VALUES if word not in _JUDGED]),
}
_EXTRA = {Field.HOST: _values, Field.CAMPAIGN: _values, Field.IS: st.sampled_from(_JUDGED).map(Pattern)}

_times = st.builds(
    Compare,
    st.sampled_from([Field.AGE, Field.EXPIRES]),
    st.sampled_from([relation for relation in Relation if relation is not Relation.EQUAL]),
    st.sampled_from([0, 59, 60, 3600, 7200, 86400]),
)
_counts = st.builds(
    Compare,
    st.sampled_from([Field.SIZE, Field.ATTEMPTS, Field.RECIPIENTS]),
    st.sampled_from(Relation),
    st.sampled_from([0, 1, 2, 3, 1024, 5000]),
)
_scores = st.builds(Compare, st.just(Field.SCORE), st.sampled_from(Relation), st.sampled_from([-1, 0, 10, 4.5]))


def filters(*, extra: bool = True) -> st.SearchStrategy[Filter]:
    """Any filter but the empty one; with `extra`, also words that a message alone cannot answer."""
    leaves: list[st.SearchStrategy[Filter]] = [_matches(field, patterns) for field, patterns in _STANDARD.items()]
    leaves += [_times, _counts]
    if extra:
        leaves += [_matches(field, patterns) for field, patterns in _EXTRA.items()]
        leaves.append(_scores)

    def grow(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.one_of(st.builds(Not, inner), st.builds(And, several), st.builds(Or, several))

    return st.recursive(st.one_of(leaves), grow, max_leaves=6)


def _recipient(address: str, reason: str | None) -> Recipient:
    return Recipient(address, recipient_domain(address), reason)


_recipients = st.builds(_recipient, addresses, st.none() | words)

messages = st.builds(
    QueuedMessage,
    queue_id=st.sampled_from(["4fAbC1", "4fabc1", "5fAbC1"]),
    state=st.sampled_from(STATES),
    inode=st.integers(1, 9),
    arrival=st.sampled_from([NOW, NOW - 60, NOW - 3600, NOW - 7201, NOW + 5]),
    size=st.sampled_from([0, 1, 1023, 1024, 5000]),
    sender=st.one_of(st.just(""), addresses),
    recipients=st.lists(_recipients, max_size=3).map(tuple),
    expires=st.sampled_from([None, NOW, NOW - 1, NOW + 60, NOW + 3600]),
    forced_expire=st.booleans(),
    client_address=st.sampled_from([None, "unknown", "198.51.100.7", "198.51.101.7", "2001:db8::7"]),
    subject=st.none() | words,
    attempts=st.sampled_from([None, 0, 1, 2, 3, 4]),
    fault=st.sampled_from([None, "it is cut short"]),
)
