import pytest

from mxtui.errors import UsageError
from mxtui.model.envelope import EnvelopeRecipient
from mxtui.model.next_hop import NextHop
from mxtui.model.redirect import BACK, Redirect, read_redirect, redirected

HAD = EnvelopeRecipient("had@example.org", "delivered", text="250 ok", code=250)
NO = EnvelopeRecipient(
    "old@example.org", "refused", "FAILURE", attempts=3, at=5.0, host="mx1", code=550, dsn="5.1.1", text="550 who?",
    possible_duplicate=True,
)  # fmt: skip
WAITS = EnvelopeRecipient("Other@Example.org", orcpt="rfc822;x@example.org")


def test_an_address_takes_the_place_of_all_who_do_not_have_it_and_the_old_one_is_kept() -> None:
    assert redirected((HAD, NO, WAITS), read_redirect("new@example.net", "")) == (
        HAD,
        EnvelopeRecipient("new@example.net", notify="FAILURE", original="old@example.org", possible_duplicate=True),
        EnvelopeRecipient("new@example.net", orcpt="rfc822;x@example.org", original="Other@Example.org"),
    )


def test_a_host_takes_the_place_of_the_route_and_the_address_stays() -> None:
    (_, no, waits) = redirected((HAD, NO, WAITS), read_redirect("", "mx3.example.org:2525"))
    assert (no.address, no.via, no.original, no.fate, no.text) == (
        "old@example.org", "[mx3.example.org]:2525", "", "waiting", "",
    )  # fmt: skip
    assert waits.destination == "[mx3.example.org]:2525"


def test_one_recipient_can_be_meant_in_whatever_case() -> None:
    where = read_redirect("new@example.net", "", "OTHER@example.ORG")
    assert [each.address for each in redirected((HAD, NO, WAITS), where)] == [
        "had@example.org", "old@example.org", "new@example.net",
    ]  # fmt: skip
    assert redirected((NO,), where) == (NO,)


def test_redirected_again_it_is_the_first_address_that_is_kept_and_back_leads_to_it() -> None:
    once = redirected((NO,), read_redirect("b@example.net", "mx9"))
    twice = redirected(once, read_redirect("c@example.net", ""))
    assert (twice[0].original, twice[0].via) == ("old@example.org", "")
    (back,) = redirected(twice, BACK)
    assert (back.address, back.original, back.via, back.fate) == ("old@example.org", "", "", "waiting")
    assert redirected((back,), BACK) == (back,), "where it is already"
    (home,) = redirected(twice, read_redirect("old@example.org", ""))
    assert home.original == ""


@pytest.mark.parametrize(
    ("address", "host", "back", "hint"),
    [
        ("", "", False, "Name an address"),
        ("a@example.org", "", True, "one of them"),
        ("a b@example.org", "", False, "Such as"),
        ("a@example.org> NOTIFY=NEVER", "", False, "Such as"),
        ("a@[192.0.2.1]", "", False, "Such as"),
        ("jos\u00e9@example.org", "", False, "Such as"),
        ("@example.org", "", False, "Such as"),
        (f"{'a' * 300}@example.org", "", False, "Such as"),
        ("", "mx1:0", False, "Such as"),
        ("", "two words", False, "Such as"),
        ("", "a,b", False, "Such as"),
    ],
)
def test_what_cannot_be_meant_is_refused(address: str, host: str, back: bool, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_redirect(address, host, back=back)
    assert hint in caught.value.hint


def test_it_is_told_in_words() -> None:
    assert str(read_redirect("a@b.example", "")) == "a@b.example"
    assert str(read_redirect("a@b.example", "[2001:db8::1]:26", "c@d.example")) == (
        "a@b.example through [2001:db8::1]:26 for c@d.example"
    )
    assert str(Redirect(host=NextHop("mx3", 25, lookup_mx=False))) == "[mx3]"
    assert str(BACK) == "as it came"
