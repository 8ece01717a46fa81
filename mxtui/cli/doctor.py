"""`mxtui doctor`: is this backup MX set up right?"""

import asyncio
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Final

import click

from mxtui.cli.attach import Attached, attach
from mxtui.cli.common import common_options
from mxtui.cli.output import narrate, print_json
from mxtui.doctor.catalogue import CATALOGUE
from mxtui.doctor.finding import Finding, Report, Verdict
from mxtui.doctor.record import SHOWN, report_object, write_result
from mxtui.errors import UsageError
from mxtui.message.sanitize import one_line
from mxtui.model.holds import DOMAIN, domain_of
from mxtui.model.words import counted

if TYPE_CHECKING:
    from mxtui.doctor.examine import Asked

Styled = Callable[[str, str | None], str]

MARKS: Final[dict[Verdict, tuple[str, str]]] = {
    "pass": ("✓ pass", "green"),
    "warn": ("▲ warn", "yellow"),
    "fail": ("✗ fail", "red"),
    "skipped": ("· skip", "white"),
}

QUEUED: Final = 100
"""Domains that are looked at for being queued: each costs some twenty look-ups and a conversation with its primary."""

WIDEST: Final = 100
"""Cells of a line that is read, unless the terminal has fewer; what is to be copied is never broken."""


@click.command("doctor")
@common_options
@click.option("--json", "as_json", is_flag=True, help="One object with every finding.")
@click.option("--all", "everything", is_flag=True, help="Also what passed, and what was skipped and why.")
@click.option("--strict", is_flag=True, help="Exit 1 for warnings, too.")
@click.option(
    "--explain", metavar="[CHECK]", is_flag=False, flag_value="*", help="What is checked and why; or one check."
)
@click.argument("domains", nargs=-1, metavar="[DOMAIN]...")
def doctor_command(
    queue: str | None,
    config: str | None,
    no_color: bool,
    as_json: bool,
    everything: bool,
    strict: bool,
    explain: str | None,
    domains: tuple[str, ...],
) -> None:
    """Look at DNS, TLS, settings, recipients and disks for these domains, or for all that are relayed here.

    Each finding has its evidence, why it matters, and the lines that put it right. Nothing is changed, no message is
    sent. Exit 1: a check failed (with --strict, or warns).
    """
    if explain is not None:
        print_catalogue(explain)
        return
    with attach(queue, config, here="doctor") as attached:
        report = examined(attached, [_domain(word) for word in domains])
    if as_json:
        print_json(report_object(report))
    else:
        print_report(report, everything=everything, colour=not no_color and sys.stdout.isatty())
    counts = report.counts
    if counts["fail"] or (strict and counts["warn"]):
        raise click.exceptions.Exit(1)


def examined(attached: Attached, domains: Sequence[str] = (), tell: Callable[[str], None] = narrate) -> Report:
    """Examine what is attached, and keep the result for whoever asks later. Raises MxtuiError.

    `tell` hears what is no finding: nothing to look at, or no place to keep the result.
    """
    from mxtui.doctor.examine import examine
    from mxtui.doctor.gather.limited import required
    from mxtui.doctor.gather.means import Means, lookup_of

    wanted = attached.settings.doctor
    system = attached.site.examined()
    means = Means(lookup=lookup_of([(server.host, server.port) for server in wanted.nameservers]))
    if not (names := domains):
        names = asyncio.run(required(lambda: _relayed(attached, tell), means.setup, system.path))
    asked = _asked(attached, names)
    report = asyncio.run(examine(system, asked, means))
    if not domains:  # a look at some domains is not the state of all
        try:
            write_result(report, attached.state)
        except OSError as error:
            tell(f"the result is not kept: {attached.state}: {error.strerror}")
    return report


def _relayed(attached: Attached, tell: Callable[[str], None]) -> list[str]:
    """Those that mail is taken for; where nobody can list them, those that most of the queue is for."""
    listed = [*attached.settings.primaries, *attached.site.relayed(), *attached.site.examined().domains()]
    found = sorted({name.lower() for name in listed})
    most = len(found)
    if not found:
        found, most = _queued(attached), QUEUED
        if found:
            tell("nobody can tell which domains are relayed here: those that are queued are looked at")
    # Who sends mail chooses what is queued: such a name would be asked for, and stand in lines that are to be copied.
    names = [name for name in found if DOMAIN.fullmatch(name)]
    if odd := len(found) - len(names):
        tell(f"{counted(odd, 'name')} left out: no names of domains")
    if (beyond := len(names) - most) > 0:
        tell(f"{counted(beyond, 'queued domain')} left out, those with the fewest messages: name them to look at them")
    if not names:
        tell("no domain is relayed or queued here: only this host is looked at")
    return names[:most]


def _queued(attached: Attached) -> list[str]:
    """Domains of recipients, those with the most messages first."""
    depths: Counter[str] = Counter()
    with closing(attached.site.queue()) as queue:  # one of its own: a console reads the other
        for changes in queue.read(subjects=False):
            for message in changes.present:
                depths.update({recipient.domain for recipient in message.recipients})
    return sorted(depths, key=lambda name: (-depths[name], name))


def _asked(attached: Attached, domains: Sequence[str]) -> "Asked":
    from mxtui.doctor.examine import Asked
    from mxtui.doctor.facts import Thresholds

    settings, wanted = attached.settings, attached.settings.doctor
    alerts = settings.alerts
    limits = Thresholds(
        ttl=wanted.ttl,
        recipients=wanted.recipients,
        free=alerts.free / 100,
        free_critical=alerts.free_critical / 100,
        least_free=attached.site.least_free(),
        certificate=alerts.certificate,
        drill=settings.drill.every,
    )
    drilled, drills = tuple(settings.drill.addresses), attached.drilled.latest
    return Asked(domains, settings.probe.recipients, wanted.senders, limits, drilled, drills)


def _domain(word: str) -> str:
    try:
        return domain_of(word)
    except ValueError as error:
        raise UsageError(str(error), "Such as example.org.") from None


# -- text -------------------------------------------------------------------------------------------------------------


def print_report(report: Report, *, everything: bool, colour: bool) -> None:
    """For eyes: what is wrong first, each with its fix; then the sums."""

    def styled(text: str, name: str | None) -> str:
        return click.style(text, fg=name, bold=True) if colour and name else text

    for _, alike in groupby(report.findings if everything else report.wrong, lambda each: (each.check, each.verdict)):
        for line in told(list(alike), styled):
            click.echo(line)
    click.echo(f"{_summary(report)}  in {report.seconds:.1f} s")


def told(findings: Sequence[Finding], styled: Styled) -> Iterator[str]:
    """Findings of one check and verdict: what each is about, its evidence; then why it matters and what to do."""
    check, verdict = CATALOGUE[findings[0].check], findings[0].verdict
    mark, paint = MARKS[verdict]
    alone = len(findings) == 1
    about = f"  {one_line(findings[0].subject, 255)}" if alone and findings[0].subject else ""
    yield f"{styled(mark, paint)}  {styled(check.name, 'white')}{about}"
    for finding in findings:
        said = one_line(finding.evidence, SHOWN)
        yield from _indented(said if alone or not finding.subject else f"{one_line(finding.subject, 255)}: {said}")
    if verdict in ("pass", "skipped"):
        return
    yield from _indented(f"Wanted: {check.title}. {check.why} ({check.reference})")
    fixes = dict.fromkeys(one_line(line, SHOWN) for finding in findings for line in finding.fix)
    for number, line in enumerate(fixes):
        yield f"        {styled('fix', 'cyan') if not number else '   '}  {line}"  # not wrapped: it is to be copied
    yield ""


def _width() -> int:
    return max(40, min(WIDEST, shutil.get_terminal_size((WIDEST, 0)).columns))


def _indented(text: str) -> Iterator[str]:
    return (f"        {part}" for part in wrap(text, _width() - 8))


def _summary(report: Report) -> str:
    counts = report.counts
    said = [f"{counts['fail']} failed", counted(counts["warn"], "warning"), f"{counts['pass']} passed"]
    return ", ".join([*said, f"{counts['skipped']} skipped"])


def print_catalogue(name: str) -> None:
    """What is checked, why, and where that is written. Raises UsageError: no such check."""
    chosen: Sequence[Any] = list(CATALOGUE.values()) if name == "*" else [CATALOGUE[name]] if name in CATALOGUE else []
    if not chosen:
        raise UsageError(f"no such check: {name[:40]}", "mxtui doctor --explain lists all.")
    family = ""
    for check in chosen:
        if check.family != family:
            family = check.family
            click.echo(f"{family}")
        click.echo(f"  {check.name:<20}{check.title}")
        for part in wrap(f"{check.why} ({check.reference})", _width() - 22):
            click.echo(f"  {'':<20}{part}")
