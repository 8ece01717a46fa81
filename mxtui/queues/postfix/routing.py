"""Where Postfix would send each domain's mail: asked of Postfix itself, else worked out from its settings.

Source: transport(5), trivial-rewrite(8), postconf(5), master(5).
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from mxtui.errors import CommandFailed, MxtuiError, NotPermitted, Unreachable
from mxtui.model.next_hop import NextHop, parse_next_hop
from mxtui.model.route import Ourselves, Routed, by_next_hop
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.rewrite import ERROR, FAIL, Resolved, resolve
from mxtui.queues.postfix.run import run
from mxtui.queues.postfix.tables import entries

NAMES: Final = (
    "myhostname",
    "proxy_interfaces",
    "mydestination",
    "virtual_mailbox_domains",
    "relay_domains",
    "relayhost",
    "transport_maps",
    "default_transport",
    "relay_transport",
)

# What RFC 5321 and a transport table can name. Everything else would have to be quoted, and no such domain has mail.
_DOMAIN = re.compile(r"[A-Za-z0-9_.-]{1,255}|\[[0-9A-Fa-f:.IPv]{1,64}\]")

WHY_LIMIT: Final = 200

_WORDS: Final[Mapping[str, str]] = {
    "local": "delivered on this host",
    "virtual": "delivered on this host",
    "discard": "discarded by Postfix's routing",
    "lmtp": "delivered by LMTP",
}


class PostfixRouter:
    """Routes of one Postfix instance."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def ourselves(self) -> Ourselves:
        """As main.cf says; by the name alone when that cannot be read."""
        try:
            settings = self._settings()
        except MxtuiError:
            return Ourselves(self._layout.hostname)
        names = {name.lower() for name in entries(settings["mydestination"]) if "." in name and "/" not in name}
        return Ourselves(settings["myhostname"], frozenset(names), frozenset(entries(settings["proxy_interfaces"])))

    def route(self, domains: Sequence[str]) -> Mapping[str, Routed]:
        """Each domain's route. Raises CommandFailed when neither Postfix nor its settings can be asked."""
        askable = [domain for domain in domains if _DOMAIN.fullmatch(domain)]
        try:
            resolved = self._asked(askable)
        except (NotPermitted, Unreachable):
            resolved = _Tables(self, self._settings()).resolved(askable)
        programs = self._programs()
        routes = {domain: _routed(answer, programs) for domain, answer in resolved.items()}
        return {domain: routes.get(domain, Routed(None, "not the name of a domain")) for domain in domains}

    def _asked(self, domains: Sequence[str]) -> dict[str, Resolved]:
        answers = resolve(self._layout.queue_directory, [f"postmaster@{domain}" for domain in domains])
        return dict(zip(domains, answers, strict=True))

    def _settings(self) -> dict[str, str]:
        """Read each time: routes are asked for again because settings change."""
        lines = self.run("postconf", "-x", *NAMES).splitlines()
        settings = {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}
        if missing := [name for name in NAMES if name not in settings]:
            raise CommandFailed(f"postconf did not name {missing[0]}", "Does this Postfix work?")
        return settings

    def _programs(self) -> dict[str, str]:
        """The program behind each transport: master.cf may call smtp(8) by any name."""
        entries = (line.split() for line in self.run("postconf", "-M").splitlines())
        return {fields[0]: fields[7] for fields in entries if len(fields) >= 8}

    def run(self, program: str, *arguments: str, keys: Sequence[str] | None = None) -> str:
        """What one of Postfix's programs says about this instance. Raises CommandFailed."""
        argv = [str(self._layout.command_directory / program), "-c", str(self._layout.config_directory), *arguments]
        done = run(argv, input="".join(f"{key}\n" for key in keys).encode() if keys is not None else None)
        # postmap gives 1 when it found nothing; whatever else goes wrong is said on stderr.
        if done.status and (keys is None or done.stderr):
            raise CommandFailed(f"{program} failed: {done.complaint[:200]}", "See the mail log.")
        return done.stdout.decode("utf-8", "replace")

    def found(self, value: str, keys: Sequence[str]) -> dict[str, str]:
        """Those of the keys that a list of names and tables holds, with what it says of them. Raises CommandFailed."""
        found: dict[str, str] = {}
        for item in entries(value):
            if ":" not in item:
                found.setdefault(item.lower(), "")
                continue
            for line in self.run("postmap", "-q", "-", item, keys=keys).splitlines():
                key, _, said = line.partition("\t")
                found.setdefault(key, said)
        return {key: found[key] for key in keys if key in found}

    def names(self, value: str) -> list[str]:
        """All names that a list of names and tables holds, as far as tables can be listed (postmap(1) -s)."""
        found: dict[str, None] = {}
        for item in entries(value):
            if ":" not in item:
                found.setdefault(item.lower())
                continue
            with suppress(CommandFailed):  # a kind that cannot be listed: regexp, ldap
                for line in self.run("postmap", "-s", item).splitlines():
                    found.setdefault(line.partition("\t")[0].strip().lower())
        return [name for name in found if _DOMAIN.fullmatch(name) and not name.startswith((".", "["))]


class _Tables:
    """trivial-rewrite's own way through main.cf, without the parts that hang on a whole address or on the sender."""

    def __init__(self, router: PostfixRouter, settings: Mapping[str, str]) -> None:
        self._router = router
        self._settings = settings

    def resolved(self, domains: Sequence[str]) -> dict[str, Resolved]:
        """Each domain's transport and next hop. One process per table, whatever the number of domains."""
        keys = {domain: (domain.lower(), *_parents(domain.lower())) for domain in domains}
        names = [names[0] for names in keys.values()]
        here = self._found("mydestination", names).keys() | self._found("virtual_mailbox_domains", names).keys()
        every = sorted({key for names in keys.values() for key in names})
        relayed = self._found("relay_domains", [key.lstrip(".") for key in every])
        transports = self._found("transport_maps", [*every, "*"])
        answers: dict[str, Resolved] = {}
        for domain, (name, *parents) in keys.items():
            # parent_domain_matches_subdomains: a relay domain includes what is below it, by default.
            relay = any(key.lstrip(".") in relayed for key in (name, *parents))
            entry = next((transports[key] for key in (name, *parents, "*") if key in transports), "")
            answers[domain] = Resolved("local", "", 0) if name in here else self._one(name, relay, entry)
        return answers

    def _one(self, domain: str, relayed: bool, entry: str) -> Resolved:
        transport, _, hop = self._settings["relay_transport" if relayed else "default_transport"].partition(":")
        hop = hop or self._settings["relayhost"] or domain
        if entry:
            # transport(5): an empty transport leaves it as it was; with one, an empty next hop means the domain.
            named, _, nexthop = entry.partition(":")
            transport, hop = named or transport, nexthop or (domain if named else hop)
        return Resolved(transport, hop, 0)

    def _found(self, setting: str, keys: Sequence[str]) -> dict[str, str]:
        return self._router.found(self._settings[setting], keys)


def _parents(domain: str) -> list[str]:
    """`.b.c` and `.c` for `a.b.c`, as transport(5) looks them up."""
    labels = domain.split(".")
    return ["." + ".".join(labels[position:]) for position in range(1, len(labels))]


def _routed(answer: Resolved, programs: Mapping[str, str]) -> Routed:
    """A primary, or why there is none, in words."""
    program = programs.get(answer.transport, answer.transport)
    if answer.flags & ERROR:
        return Routed(None, "not a domain that Postfix takes")
    if answer.flags & FAIL:
        return Routed(None, "Postfix cannot read one of its tables")
    if program == "error":
        verb = "put off" if answer.transport == "retry" else "refused"
        return Routed(None, f"{verb} by Postfix's routing: {answer.nexthop}"[:WHY_LIMIT])
    if program != "smtp":
        return Routed(None, _WORDS.get(program, f"delivered by the transport {answer.transport}")[:WHY_LIMIT])
    try:
        return by_next_hop(_first_hop(answer.nexthop))
    except ValueError as error:
        return Routed(None, f"its next hop is {error}"[:WHY_LIMIT])


def _first_hop(text: str) -> NextHop:
    """The first of several: since 3.5 next hops may be a list, in order of preference (smtp(8))."""
    items = entries(text)
    return parse_next_hop(items[0] if items else "")
