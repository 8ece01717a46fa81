"""What is in one message, for `mxtui show`: as text and as JSON, from the same inspection."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import click

from mxtui.cli.output import narrate
from mxtui.message.archives import Entry
from mxtui.message.differences import Remark
from mxtui.message.handover import Encryption
from mxtui.message.hops import Hop
from mxtui.message.inspect import Inspection
from mxtui.message.parts import Part
from mxtui.message.sanitize import one_line
from mxtui.message.text import Text
from mxtui.model.envelope import Client
from mxtui.model.words import duration

LONGEST = 4_000
"""Characters of a line."""


def say(text: str = "") -> None:
    """A line on stdout: the last gate, for a process that read hostile mail wrote these words."""
    click.echo(text if text.isprintable() else one_line(text, LONGEST))


def print_client(client: Client, how: Encryption, remark: Remark | None) -> None:
    """Who handed it in, and by what connection."""
    say(f"client   {one_line(client.address, 60)}  {one_line(client.name, 255) or 'no reverse name'}")
    if client.helo:
        say(f"helo     {one_line(client.helo, 255)}{_noted(remark)}")
    say(f"by       {one_line(client.protocol, 40)}")
    say(f"tls      {how.words}{f'  {how.beside}' if how.beside else ''}")


def print_headers(inspection: Inspection, remarks: Sequence[Remark] = ()) -> None:
    """All of them, with what differs."""
    noted = {remark.header.lower(): remark for remark in remarks}
    for header in inspection.headers:
        say(f"{header.name}: {header.value}{_noted(noted.get(header.name.lower()))}")


def print_hops(hops: Sequence[Hop]) -> None:
    """Oldest first, with delays."""
    if hops:
        say("hops, oldest first: only the last is ours")
    for number, hop in enumerate(hops, 1):
        when = _time(hop.time) if hop.time is not None else "no time"
        delay = "" if hop.delay is None else f"+{duration(hop.delay)}" if hop.delay >= 0 else "earlier?"
        say(f"{number:>3}  {when:<25}  {delay:<8}  {hop.origin or '?'} → {hop.by or '?'}  {hop.protocol}".rstrip())


def print_parts(parts: Sequence[Part]) -> None:
    """The tree; a number can be saved with `--part`."""
    say("parts")
    for part in parts:
        number = str(part.number) if part.number else ""
        words = [f"{part.decoded_size:,} bytes", part.charset, part.filename]
        words += [f"is {part.sniffed}" if part.differs else "", *_marks(part.executable, part.encrypted)]
        say(f"{number:>3}  {'  ' * part.depth}{part.media_type}  {'  '.join(filter(None, words))}")
        if part.sha256:
            say(f"     {'  ' * part.depth}sha256 {part.sha256}")
        for entry in part.archive.entries:
            say(f"     {'  ' * (part.depth + 1 + entry.depth)}{'  '.join(_entry(entry))}")


def print_text(text: Text) -> None:
    """As the reader would read it, then where its links go."""
    for line in text.lines:
        say(line)
    if text.links:
        say()
        say("links, inactive")
    for number, link in enumerate(text.links, 1):
        shown = f'  shown as "{link.shown}"' if link.shown else ""
        say(f"{number:>3}  {link.target}{shown}{'   ≠ names another server' if link.differs else ''}")


def print_notes(inspection: Inspection) -> None:
    """What was left out, on stderr."""
    for note in inspection.notes:
        narrate(f"({one_line(note, LONGEST)})")


def as_object(inspection: Inspection, remarks: Sequence[Remark]) -> dict[str, Any]:
    """What `show --json` adds to `list --json`'s object: everything that was found, sanitised."""
    return {
        "headers": [[header.name, header.value] for header in inspection.headers],
        "remarks": [[remark.header, remark.words] for remark in remarks],
        "hops": inspection.hops,
        "parts": [_part(part) for part in inspection.parts],
        "text": {"from": inspection.text.kind, "lines": inspection.text.lines, "omitted": inspection.text.omitted},
        "links": inspection.text.links,
        "notes": inspection.notes,
    }


def client_object(client: Client | None, how: Encryption | None) -> dict[str, Any] | None:
    """What `show --json` tells of who handed it in; null where that is not known."""
    if client is None or how is None:
        return None
    return {
        "address": one_line(client.address, 60),
        "name": one_line(client.name, 255) or None,
        "helo": one_line(client.helo, 255),
        "protocol": one_line(client.protocol, 40),
        "encrypted": None if how.tls is None else bool(how.tls),
        "tls": how.tls or None,
        "tls_source": how.source or None,
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "part": part.number or None,
        "depth": part.depth,
        "type": part.media_type,
        "charset": part.charset,
        "encoding": part.encoding,
        "disposition": part.disposition,
        "filename": part.filename,
        "size": part.decoded_size,
        "sha256": part.sha256 or None,
        "sniffed": part.sniffed,
        "differs": part.differs,
        "executable": part.executable or None,
        "encrypted": part.encrypted or None,
        "files": part.archive.entries,
    }


def _entry(entry: Entry) -> Iterator[str]:
    yield entry.name
    yield f"{entry.size:,} bytes"
    yield from _marks(entry.executable, "yes" if entry.encrypted else "")


def _marks(executable: str, encrypted: str) -> list[str]:
    return [
        *([f"! runs: {executable}"] if executable else []),
        *([f"encrypted ({encrypted})" if encrypted != "yes" else "encrypted"] if encrypted else []),
    ]


def _noted(remark: Remark | None) -> str:
    if remark is None:
        return ""
    return f"   ≠ {remark.words}" if remark.differs else f"   ({remark.words})"


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment).astimezone().isoformat(" ", "seconds")
