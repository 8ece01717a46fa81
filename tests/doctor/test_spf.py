"""SPF by real records (RFC 7208), asked of nsd."""

from collections.abc import Iterator

import pytest

from mxtui.doctor.facts import Spf
from mxtui.doctor.gather.means import Means
from mxtui.doctor.gather.spf import judge_sender
from mxtui.primary.lookup import Lookup
from mxtui.primary.words import UnresolvedError
from tests.doctor.authority import Authority

OURS = "192.0.2.25"

RECORDS = {
    "none": ("", "none"),
    "all": ("v=spf1 -all", "fail"),
    "soft": ("v=spf1 ~all", "softfail"),
    "open": ("v=spf1 ?all", "neutral"),
    "nothing": ("v=spf1", "neutral"),
    "upper": ("V=SPF1 IP4:192.0.2.0/24 -ALL", "pass"),
    "ip4": ("v=spf1 ip4:192.0.2.25 -all", "pass"),
    "network": ("v=spf1 ip4:192.0.2.0/24 -all", "pass"),
    "outside": ("v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 -all", "fail"),
    "minus": ("v=spf1 -ip4:192.0.2.0/24 +all", "fail"),
    "a": ("v=spf1 a:host.test -all", "pass"),
    "near": ("v=spf1 a:near.test/24 -all", "pass"),
    "far": ("v=spf1 a:near.test -all", "fail"),
    "mx": ("v=spf1 mx:mx.test -all", "pass"),
    "include": ("v=spf1 include:ip4.test -all", "pass"),
    "excluded": ("v=spf1 include:all.test ip4:192.0.2.25 -all", "pass"),
    "redirect": ("v=spf1 redirect=network.test", "pass"),
    "redirected": ("v=spf1 redirect=all.test", "fail"),
    "modifier": ("v=spf1 exp=why.test -all", "fail"),
    "loop": ("v=spf1 include:loop.test -all", "unclear"),
    "dangling": ("v=spf1 include:nowhere.test -all", "unclear"),
    "macro": ("v=spf1 a:%{i}.list.test -all", "pass"),
    "exists": ("v=spf1 exists:%{ir}.%{v}.%{d}.list.test -all", "pass"),
    "absent": ("v=spf1 exists:%{ir}.%{v}.%{d}.list.test -all", "fail"),
    "named": ("v=spf1 exists:%{h}.list.test -all", "pass"),
    "local": ("v=spf1 exists:%{l}.list.test -all", "unclear"),
    "wrong": ("v=spf1 ip4:1.2.3 -all", "unclear"),
    "unknown": ("v=spf1 frobnicate -all", "unclear"),
    "other": ("v=spf10 -all", "none"),
    "missing": ("v=spf1 a:gone.test mx:gone.test -all", "fail"),
}

ZONE = f"""\
host.test. IN A {OURS}
near.test. IN A 192.0.2.99
{OURS}.list.test. IN A {OURS}
25.2.0.192.in-addr.exists.test.list.test. IN A 127.0.0.2
mx2.example.net.list.test. IN A 127.0.0.2
mx.test. IN MX 10 near.test.
mx.test. IN MX 20 host.test.
two.test. IN TXT "v=spf1 -all"
two.test. IN TXT "v=spf1 +all"
long.test. IN TXT "v=spf1 ip4:198.51.100.0/24 ip4:192.0" ".2.25 -all"
other.test. IN TXT "google-site-verification=x"
""" + "".join(f'{name}.test. IN TXT "{record}"\n' for name, (record, _) in RECORDS.items() if record)


@pytest.fixture(scope="module")
def means(need_nsd: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Means]:
    with Authority(tmp_path_factory.mktemp("nsd"), ZONE, ("broken.test",)) as authority:
        yield Means(lookup=Lookup(authority.resolver, lifetime=4.0))


async def judged(name: str, means: Means, *addresses: str) -> Spf:
    return await judge_sender(f"{name}.test", addresses or (OURS,), means, "mx2.example.net")


@pytest.mark.parametrize("name", RECORDS)
async def test_a_record_says_of_us_what_the_rfc_says(name: str, means: Means) -> None:
    record, result = RECORDS[name]
    spf = await judged(name, means)
    assert (spf.result, spf.record) == (result, record if result != "none" else "")
    assert bool(spf.why) == (result == "unclear")


async def test_two_records_are_an_error_and_one_in_pieces_is_one(means: Means) -> None:
    assert (await judged("two", means)).why == "two.test has 2 SPF records, which is an error"
    assert (await judged("long", means)).result == "pass"


async def test_a_loop_ends_at_ten_questions(means: Means) -> None:
    assert (await judged("loop", means)).why == "more than 10 terms ask DNS, which is an error"


async def test_the_address_that_fares_worst_counts(means: Means) -> None:
    spf = await judged("ip4", means, OURS, "2001:db8::25")
    assert (spf.result, spf.address) == ("fail", "2001:db8::25")
    assert (await judged("ip4", means, OURS)).result == "pass"
    assert (await judge_sender("ip4.test", (), means)).result == "unclear"


async def test_servers_that_fail_are_not_taken_for_a_record(means: Means) -> None:
    with pytest.raises(UnresolvedError):
        await judged("broken", means)
