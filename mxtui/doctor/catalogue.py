"""Every check: what it looks at, why that matters, and where it is written. `mxtui doctor --explain` prints it."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Check(NamedTuple):
    """One check."""

    name: str
    family: str
    title: str
    """What has to be so."""
    why: str
    """What happens where it is not."""
    reference: str


_ALL: Final = (
    # -- the domain in DNS
    Check("dns_answers", "DNS", "DNS answers for the domain",
          "Who cannot look the domain up defers its mail, and finds no backup either.", "RFC 5321 5.1"),
    Check("mx_present", "DNS", "the domain has MX records, and takes mail",
          "Without them no sender ever comes to the backup; a null MX tells all of them to give up.",
          "RFC 5321 5.1, RFC 7505"),
    Check("mx_us", "DNS", "this host is among them, by its own name",
          "A backup that is not in DNS is never used; under another name it does not recognise itself, and mail loops.",
          "RFC 5321 5.1"),
    Check("mx_order", "DNS", "the primary has the lowest number, the backup one higher by 10 or more",
          "Equal or lower, half of the mail or all of it comes here though all is well; a gap leaves room to move.",
          "RFC 5321 5.1"),
    Check("mx_hosts", "DNS", "each MX is the name of a host: no alias, no address",
          "Many senders do not follow an alias, and take an address for a name that does not exist.",
          "RFC 2181 10.3, RFC 5321 5.1"),
    Check("mx_addresses", "DNS", "each MX has an address that the world can reach",
          "A sender loses its time, or mail, at an address that is private or not there.", "RFC 5321 5.1, RFC 6890"),
    Check("mx_ttl", "DNS", "records may be cached for hours, not for days",
          "When a primary moves or burns, mail goes to its old address for as long as they are cached.",
          "RFC 1035 3.2.1"),
    Check("mx_many", "DNS", "there are not too many MX records",
          "Senders try five to ten of them at most, and some refuse such an answer.",
          "RFC 5321 5.1, postconf(5) smtp_mx_address_limit"),
    Check("mx_route", "DNS", "mail is forwarded to where DNS says the primary is",
          "A route that was forgotten when the primary moved sends the queue to the wrong host, or nowhere.",
          "RFC 5321 5.1, transport(5)"),
    # -- our name
    Check("name_address", "names", "our name leads to our own public address",
          "It is in the MX records: where it leads elsewhere, so does the mail.", "RFC 5321 2.3.5"),
    Check("name_reverse", "names", "each of our addresses leads back to our name",
          "Primaries and strangers distrust a client without a matching reverse name; what we forward is refused.",
          "RFC 1912 2.1, RFC 5321 4.1.4"),
    Check("name_greeting", "names", "we greet, and say EHLO, by the name that is in DNS",
          "A made-up name costs trust, and other servers cannot tell that a loop leads to us.",
          "RFC 5321 4.1.1.1, 4.3.1"),
    # -- what the world's policies say of us
    Check("spf_exempt", "policy", "the primary takes from us what SPF would refuse",
          "Forwarded mail comes from our address. A primary that applies a strict SPF to its own backup refuses it.",
          "RFC 7208 10.3, 11.4"),
    Check("sts_policy", "policy", "a policy of MTA-STS names the backup",
          "Senders that follow it do not deliver to an MX it does not name: in an outage their mail waits there.",
          "RFC 8461 4.1, 8.4"),
    Check("sts_certificate", "policy", "our certificate is what MTA-STS demands",
          "It has to be valid for the name in the MX record, and from a known authority; else senders stay away.",
          "RFC 8461 4.2"),
    Check("tlsa", "policy", "our TLSA records match our certificate",
          "One that does not match has every sender with DANE defer; a renewal that changes the key is enough.",
          "RFC 7672 3.1, RFC 6698"),
    # -- TLS
    Check("certificate_here", "TLS", "our certificate has weeks to live",
          "Nobody looks at a backup's certificate until the outage in which it has expired.",
          "RFC 3207, RFC 8461 4.2"),
    Check("certificate_primary", "TLS", "the primary's certificate has weeks to live",
          "Where we have to verify it, an expired one stops all delivery.", "RFC 3207"),
    # -- the conversations
    Check("answers", "SMTP", "our own server answers on its port",
          "Then nobody can hand in mail, whatever DNS says.", "RFC 5321 3.1"),
    Check("primary_answers", "SMTP", "the primary answers, and is no other host",
          "What cannot be asked cannot be checked: its limits, its certificate, its trust in us.", "RFC 5321 3.1"),
    Check("relay_only", "SMTP", "we relay for our domains only",
          "An open relay is found within hours, fills the queue with spam and gets this host listed.",
          "RFC 5321 7.9, postconf(5) smtpd_relay_restrictions"),
    Check("offers_size", "SMTP", "we take no larger message than the primary",
          "What is larger is refused by the primary when it is back, and we have to return it to a stranger.",
          "RFC 1870 6.1"),
    Check("offers_smtputf8", "SMTP", "we offer SMTPUTF8 only where the primary does",
          "An address beyond ASCII can then be taken here and delivered nowhere.", "RFC 6531 3.2"),
    Check("loop", "SMTP", "no route leads back to us",
          "Mail goes round until it has too many Received lines, and is returned.", "RFC 5321 6.3, 5.1"),
    # -- recipients
    Check("recipients_known", "recipients", "recipients that do not exist are refused here",
          "Else the primary refuses them later and we bounce to senders that spammers made up: backscatter.",
          "RFC 5321 6.2, postconf(5) relay_recipient_maps"),
    Check("recipients_fresh", "recipients", "what we know of recipients is current",
          "New users are refused during the outage, old ones bounce after it.",
          "postmap(1), ADDRESS_VERIFICATION_README"),
    Check("domain_once", "recipients", "a relay domain is not a local or virtual one as well",
          "Its mail is then delivered on this host, where nobody reads it, or refused.", "ADDRESS_CLASS_README"),
    # -- times
    Check("lifetimes", "times", "mail is kept for 4 to 5 days at least",
          "An outage over a long weekend must not return everything; bounces need as long.", "RFC 5321 4.5.4.1"),
    Check("backoff", "times", "what waits is tried again soon, and not too often",
          "A longest pause of many hours is added to every outage; one of seconds floods a primary that is ill.",
          "RFC 5321 4.5.4.1, postconf(5) minimal_backoff_time"),
    Check("warning_time", "times", "senders are not warned too early, nor too late to act",
          "A notice after minutes tells every stranger of every restart; one after the lifetime never comes.",
          "postconf(5) delay_warning_time"),
    # -- what was left on
    Check("soft_bounce", "switches", "soft_bounce is off",
          "It turns every refusal into a deferral: the queue fills, and no sender ever hears.",
          "postconf(5) soft_bounce"),
    Check("deferred_transports", "switches", "no transport was left deferred",
          "What somebody stopped by hand for an hour holds all mail until it expires.",
          "postconf(5) defer_transports"),
    Check("smuggling", "switches", "only CR LF . CR LF ends a message",
          "A bare line feed lets a stranger smuggle a second message past SPF and past our rules (CVE-2023-51764).",
          "RFC 5321 2.3.8, postconf(5) smtpd_forbid_bare_newline"),
    Check("queue_ids", "switches", "queue IDs are long",
          "Short ones are used again within seconds: log lines and acts of different messages are mixed up.",
          "postconf(5) enable_long_queue_ids"),
    # -- the operator's tools
    Check("log", "tools", "the mail log can be read",
          "Without it a flush cannot tell what became of a message.", "postconf(5) maillog_file"),
    Check("sudo", "tools", "sudo allows the exact commands of mxtui, and no more",
          "In an outage somebody finds out that they may not hold or release; a rule too wide lets them delete all.",
          "sudoers(5), postsuper(1)"),
    Check("migration_table", "tools", "smtpd asks the table that holds a domain's new mail",
          "A migration would then hold what is queued, and let new mail go to the old primary.", "access(5)"),
    # -- this host
    Check("disk_room", "host", "the queue's file system has room",
          "An outage needs more than a quiet day; when it is full, senders are told to come again.",
          "RFC 5321 6.1, postconf(5) queue_minfree"),
    Check("disk_inodes", "host", "and inodes",
          "Each message is a file: they run out before the bytes do.", "RFC 5321 6.1"),
    Check("disk_writable", "host", "it can be written to",
          "A file system that went read-only takes no mail.", "mount(8)"),
    Check("disk_kind", "host", "it survives a restart",
          "On a memory disk all that was promised is gone with the power.", "RFC 5321 6.1, 4.2.5"),
    Check("clock", "host", "the clock is right",
          "Ages, expiry, certificates and the order of events in two logs hang on it.", "adjtimex(2), RFC 5321 4.4"),
    Check("drill", "host", "the last drill is not long ago, and was passed",
          "A path that nobody has tried since it was set up is a hope, not a backup.", "mxtui drill"),
)  # fmt: skip

CATALOGUE: Final[Mapping[str, Check]] = {check.name: check for check in _ALL}
"""By name, in the order of reports."""
