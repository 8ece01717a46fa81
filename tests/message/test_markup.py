import pytest

from mxtui.message.limits import Budget, Limits
from mxtui.message.links import Link
from mxtui.message.markup import render as rendered


def render(source: str, links: int = 10) -> tuple[str, tuple[Link, ...], int]:
    return rendered(source, Budget(Limits(links=links)))


def text(source: str) -> str:
    return render(source)[0]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("<p>one<p>two", "\none\n\ntwo"),
        ("a<br>b<BR/>c", "a\nb\nc"),
        ("a  \n <b>b</b>", "a b"),
        ("<ul><li>x<li>y</ul>", "\n- x\n- y"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "\na b\nc"),
        ("<pre>a\n  b</pre>", "\na\nb"),
        ("&lt;b&gt; &amp; &euro;&#8364;&#x20ac; &nosuch;", "<b> & €€€ &nosuch;"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<script>if (a < b) '</p>'</script>x", "x"),
        ("<style>p {}</STYLE >x<title>y</title>", "x"),
        ("a<!-- hidden > -->b", "ab"),
        ("a<!-->b<!--->c<!--x--!>d", "abcd"),
        ("<!DOCTYPE html><?php x ?>y", "y"),
        ("<img src=http://track.example/1 alt='a logo'>", "[a logo]"),
        ("<p don't>seen</p>", "\nseen"),
        ('<p title="a > b">seen', "\nseen"),
        ("<p title=>seen", "\nseen"),
    ],
)
def test_markup_reads_as_its_reader_sees_it(source: str, shown: str) -> None:
    assert text(source).strip("\n") == shown.strip("\n")


@pytest.mark.parametrize("source", ["seen<!-- x", "seen<script>x", "seen<a href='x>y", "seen<p x", "seen<![CDATA[ x"])
def test_what_is_never_closed_swallows_the_rest(source: str) -> None:
    assert text(source + " hidden <p>") in ("seen", "seen [1]")


def test_links_are_listed_with_their_true_targets() -> None:
    source = '<a href="https://evil.example/?a=1&amp;b=2">https://bank.example/</a> and <A HREF=//x.example>y'
    shown, links, seen = render(source, links=10)
    assert shown == "https://bank.example/ [1] and y [2]"
    assert [link.target for link in links] == ["hxxps://evil[.]example/?a=1&b=2", "//x.example"]
    assert links[0].shown == "hxxps://bank[.]example/"
    assert seen == 2


@pytest.mark.parametrize(
    ("target", "shown"),
    [
        ("HTTPS://Evil.Example/", "hxxps://Evil[.]Example/"),
        ("ht\ntps://evil.example", "hxxps://evil[.]example"),
        ("javascript:alert(1)", "javascript[:]alert(1)"),
        ("data:text/html,x", "data[:]text/html,x"),
        ("mailto:a@b.example", "mailto[:]a@b.example"),
        ("https://bank.example@evil.example/", "hxxps://bank[.]example@evil[.]example/"),
        ("smb://host.example/x", "smb[:]//host.example/x"),
        ("https:\\\\evil.example", "https[:]\\\\evil.example"),
    ],
)
def test_no_target_can_be_clicked(target: str, shown: str) -> None:
    (link,) = render(f'<a href="{target}">x</a>', links=1)[1]
    assert link.target == shown


def test_forms_and_bases_are_links_too() -> None:
    _, links, _ = render("<base href=http://b.example/><form action=http://f.example/>", links=10)
    assert [(link.shown, link.target) for link in links] == [
        ("(base)", "hxxp://b[.]example/"),
        ("(form)", "hxxp://f[.]example/"),
    ]


def test_links_beyond_the_limit_are_counted() -> None:
    _, links, seen = render("<a href=http://x.example>x</a>" * 25, links=10)
    assert (len(links), seen) == (10, 25)
