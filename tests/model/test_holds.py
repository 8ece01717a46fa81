"""What a hold of a domain means, as a rule."""

from dataclasses import replace

import pytest

from mxtui.model.holds import DomainHold, domain_of, in_force, may_start, words

NOW = 1_000_000.0
SUSPENSION = DomainHold("example.org", "suspend", "disk full", "anna", NOW, NOW + 3600)
MIGRATION = replace(SUSPENSION, kind="migrate")


def test_a_suspension_ends_by_itself_and_a_migration_does_not() -> None:
    assert SUSPENSION.in_force(NOW)
    assert not SUSPENSION.in_force(NOW + 3600)
    assert MIGRATION.in_force(NOW + 3600)
    assert not replace(MIGRATION, ending=True).in_force(NOW)
    assert in_force([SUSPENSION, replace(MIGRATION, domain="b.example")], NOW + 7200).keys() == {"b.example"}


def test_a_migration_takes_a_suspension_over_and_never_the_other_way_round() -> None:
    assert may_start(MIGRATION, SUSPENSION) == ""
    assert may_start(MIGRATION, MIGRATION) == ""
    assert "being migrated" in may_start(SUSPENSION, MIGRATION)


def test_its_words_tell_time_left_and_time_over() -> None:
    assert words(SUSPENSION, NOW + 60) == "suspended, 59m left"
    assert words(MIGRATION, NOW + 3600 + 300) == "migrating, 5m overdue"
    assert words(replace(MIGRATION, ending=True), NOW) == "ending"


@pytest.mark.parametrize("text", ["", ".", "../etc", "a/b", "a b", "-x", "a..b", "x\n", "a\0b", "a" * 300])
def test_what_could_be_no_file_name_or_key_is_no_domain(text: str) -> None:
    with pytest.raises(ValueError, match="not a domain"):
        domain_of(text.replace("x\n", "x\ny"))
