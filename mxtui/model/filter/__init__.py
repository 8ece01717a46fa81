r"""The filter language: which messages an operator means.

The same words in the console's filter bar and on the command line::

    domain:example.org state:deferred|hold age>2h -from:<>
    (reason:"connection refused" or reason:timeout) size>1M

    filter   = [ either ]
    either   = all *( "or" all )
    all      = term *( [ "and" ] term )
    term     = [ "-" ] ( "(" either ")" / leaf )
    leaf     = word ":" values / word relation number / values
    values   = value *( "|" value )                     alternatives
    value    = quoted / 1*( any but space ( ) " | )     * and ? are wildcards unless quoted
    quoted   = %x22 *( "\" any / any but " and \ ) %x22
    relation = "<" / ">" / "<=" / ">=" / "="

`syntax` is the tree, `parser` reads it, `lexer` colours it, `matching` says what it means, and the index compiles it to
SQL.
"""

from mxtui.model.filter.lexer import Kind, join_arguments, spans
from mxtui.model.filter.matching import UNJUDGED, Standing, is_client, matches, whole, within
from mxtui.model.filter.parser import parse
from mxtui.model.filter.syntax import (
    EVERYTHING,
    EXTRA_WORDS,
    JUDGED_WORDS,
    And,
    Compare,
    Everything,
    Field,
    Filter,
    Match,
    Not,
    Or,
    Pattern,
    Relation,
    asks_for_recipients,
    asks_for_subjects,
    depends_on_judgement,
    depends_on_time,
    leaves,
    quote,
)

__all__ = [
    "EVERYTHING",
    "EXTRA_WORDS",
    "JUDGED_WORDS",
    "UNJUDGED",
    "And",
    "Compare",
    "Everything",
    "Field",
    "Filter",
    "Kind",
    "Match",
    "Not",
    "Or",
    "Pattern",
    "Relation",
    "Standing",
    "asks_for_recipients",
    "asks_for_subjects",
    "depends_on_judgement",
    "depends_on_time",
    "is_client",
    "join_arguments",
    "leaves",
    "matches",
    "parse",
    "quote",
    "spans",
    "whole",
    "within",
]
