"""Judging one message of a queue, for `mxtui show` and for the console's inspector."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mxtui.cli.attach import Attached
from mxtui.cli.inspected import say
from mxtui.message.differences import Envelope
from mxtui.message.inspect import Inspection
from mxtui.message.limits import WHOLE
from mxtui.model.evidence import CampaignFacts, Evidence, Judgement, Scan, Submitted
from mxtui.model.message import QueuedMessage, Recipient

if TYPE_CHECKING:
    from mxtui.index import Index
    from mxtui.model.envelope import Client
    from mxtui.scanning.judge import Judge
    from mxtui.scanning.results import Results


class Judging:
    """Made when the first message is looked at."""

    def __init__(self, attached: Attached) -> None:
        self._attached = attached
        self._judge: Judge | None = None
        self._results: Results | None = None

    def judge(
        self, message: QueuedMessage, seen: Inspection, more: Iterable[Evidence] = (), cleared: str = ""
    ) -> Judgement:
        """What speaks for or against it; blocks. Raises NoQueue (gone), NotPermitted."""
        from mxtui.scanning.signals import Facts

        attached = self._attached
        submitted = self.submitted(message)
        own = frozenset({attached.queue.source.name.lower()})
        primaries = frozenset(hop.host.lower() for hop in attached.settings.primaries.values())
        nonexistent = attached.site.nonexistent(attached.now())
        tried = [each for each in message.recipients if not _is_unknown(each)]
        asked = [nonexistent[each.address.lower()] for each in tried if each.address.lower() in nonexistent]
        facts = Facts(
            Envelope(message.sender, message.arrival, own, primaries, client=submitted.client),
            len(message.recipients),
            sum(map(_is_unknown, message.recipients)) + len(asked),
            frozenset(domain.lower() for domain in attached.relayed),
            refused_by=asked[0].words(attached.now()) if asked else "",
        )
        return self.made().judge(submitted, seen, facts, tuple(more), cleared)

    def close(self) -> None:
        """Let go of what scanners said."""
        if self._results is not None:
            self._results.close()

    def submitted(self, message: QueuedMessage) -> Submitted:
        """A message as it is given to whoever judges it. Raises NoQueue (gone), NotPermitted."""
        queue = self._attached.queue
        raw = queue.content(message.queue_id, WHOLE)
        recipients = [each.address for each in message.recipients]
        client = _stranger(queue.client(message.queue_id))
        return Submitted(raw, len(raw) == WHOLE, message.sender, recipients, client, message.arrival, message.queue_id)

    def remembered(self, digest: bytes) -> list[Scan]:
        """What scanners made of a content, if all that are configured have seen it."""
        return self.made().remembered(digest.hex())

    def made(self) -> "Judge":
        """Who asks scanners, and remembers what they say."""
        if self._judge is None:
            from mxtui.scanning.configured import scanners
            from mxtui.scanning.judge import Judge
            from mxtui.scanning.results import Results

            wanted = self._attached.settings.spam
            self._results = Results(self._attached.state / "scans.db")
            self._judge = Judge(wanted, scanners(wanted), self._results)
        return self._judge


class Campaigns:
    """What an index knows of campaigns, for one message."""

    def __init__(self, index: "Index") -> None:
        self._index = index

    def of(self, queue_id: str) -> CampaignFacts | None:
        """The campaign that it is of; None where it is alone, or was not looked at yet."""
        found = self._index.campaign_of(queue_id)
        if found is None:
            return None
        why = {
            "bounces": "bounces that return the same letter",
            "bulk": "the same from one house",
        }.get(found.kind, "same text once links, names and numbers are taken out")
        return CampaignFacts(found.name, why, found.messages, found.senders, found.bytes, found.oldest)

    def members(self, campaign: str) -> Sequence[str]:
        """Queue IDs of all its messages, oldest first."""
        return self._index.ids_of(campaign)

    def evidence(self, queue_id: str) -> tuple[Sequence[Evidence], str]:
        """What it being one of many says; and that somebody said that they are no spam, or it is none, in words."""
        from mxtui.sifting.weighing import weigh

        found = self._index.campaign_of(queue_id)
        if found is not None:
            return weigh(found), "its campaign was cleared: no spam" if found.cleared else ""
        return (), "its content was cleared: no spam" if self._index.is_cleared(queue_id) else ""


def _stranger(client: "Client | None") -> "Client | None":
    """None where this host handed it in: nothing of that speaks for or against mail."""
    return None if client is None or client.address in ("127.0.0.1", "::1") else client


def _is_unknown(recipient: Recipient) -> bool:
    """Whether its primary knows no such address (RFC 3463: X.1.1)."""
    return (recipient.dsn or "").endswith(".1.1")


def judgement_object(judgement: Judgement) -> dict[str, Any]:
    """For JSON."""
    return {
        "score": judgement.score,
        "unscanned": judgement.unscanned,
        "cleared": judgement.cleared or None,
        "evidence": [
            {
                "name": each.name, "title": each.title, "detail": each.detail, "points": each.points,
                "source": each.source,
            }
            for each in judgement.evidence
        ],
        "scans": [
            {
                "scanner": scan.scanner, "score": scan.score, "required": scan.required, "action": scan.action,
                "symbols": [each.name for each in scan.symbols], "fault": scan.fault or None,
            }
            for scan in judgement.scans
        ],
    }  # fmt: skip


def print_judgement(judgement: Judgement, suspect: float) -> None:
    """The score and what it is made of, gravest first."""
    word = "no spam" if judgement.cleared else "suspect" if judgement.score >= suspect else "not suspect"
    say(f"evidence {judgement.score:g} points, suspect from {suspect:g}: {word}")
    if judgement.cleared:
        say(f"  {judgement.cleared}")
    for each in judgement.evidence:
        say(
            f"  {each.points:+5.1f}  {each.title}: {each.detail}"
            if each.detail
            else f"  {each.points:+5.1f}  {each.title}"
        )
    for scan in judgement.scans:
        if scan.fault:
            say(f"  unscanned: {scan.fault}")
