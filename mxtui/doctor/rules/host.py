"""The machine: file system, clock; and whether anybody has tried the whole path lately."""

from collections.abc import Iterator
from typing import Final

from mxtui.doctor.facts import Disk, Facts, PostfixFacts, Unknown
from mxtui.doctor.finding import Finding, Verdict, command
from mxtui.model.drill import standing
from mxtui.model.units import format_size
from mxtui.model.words import counted, duration

VOLATILE: Final = ("tmpfs", "ramfs", "devtmpfs", "overlay")
"""What a restart, or the next container, begins anew."""

OFF: Final = 60.0
FAR_OFF: Final = 3600.0
"""Seconds between our clock and others'."""

ROOM: Final = 1.5
"""Times message_size_limit that queue_minfree has to be (postconf(5))."""

_DISK: Final = ("disk_room", "disk_inodes", "disk_writable", "disk_kind")


def rules(facts: Facts) -> Iterator[Finding]:
    """All of them."""
    if isinstance(facts.disk, Unknown):
        yield from (Finding(check, "skipped", facts.disk.why) for check in _DISK)
    else:
        yield from _disk(facts, facts.disk)
    yield _clock(facts)
    yield from _drills(facts)


def _disk(facts: Facts, disk: Disk) -> Iterator[Finding]:
    space, limits = disk.space, facts.limits
    path = disk.path
    free = space.bytes_free / space.bytes_total if space.bytes_total else 0.0
    said = f"{free:.0%} of {_rounded(space.bytes_total)} is free"
    verdict = _level(free, limits.free, limits.free_critical)
    if space.bytes_free < limits.least_free:
        verdict, said = "fail", f"{said}, too little to take mail: {_rounded(limits.least_free)} has to be"
    if verdict == "pass" and isinstance(facts.system, PostfixFacts) and (short := _minfree(facts.system)):
        yield Finding("disk_room", "warn", f"{said}; {short[0]}", path, short[1:])
    else:
        yield Finding(
            "disk_room", verdict, said, path, () if verdict == "pass" else (f"du -xh {path} | sort -h | tail",)
        )
    if space.inodes_total:
        left = space.inodes_free / space.inodes_total
        verdict = _level(left, limits.free, limits.free_critical)
        fix = () if verdict == "pass" else (f"du -x --inodes {path} | sort -n | tail",)
        yield Finding("disk_inodes", verdict, f"{left:.0%} of {space.inodes_total:,} are free", path, fix)
    else:
        yield Finding("disk_inodes", "pass", f"{disk.kind} does not count them", path)
    if disk.read_only:
        yield Finding(
            "disk_writable", "fail", "mounted read-only", path, (f"mount -o remount,rw {path}", "dmesg | tail")
        )
    elif isinstance(disk.writable, Unknown):
        yield Finding("disk_writable", "skipped", disk.writable.why, path)
    elif not disk.writable:
        yield Finding("disk_writable", "fail", "who delivers may not write there", path, (f"ls -ld {path}",))
    else:
        yield Finding("disk_writable", "pass", "writable", path)
    if disk.kind in VOLATILE:
        fix = (f"; mount a disk at {path}; its mail has to be moved there with the mail system stopped",)
        yield Finding("disk_kind", "fail" if disk.kind != "overlay" else "warn", f"it is on {disk.kind}", path, fix)
    else:
        yield Finding("disk_kind", "pass", disk.kind, path)


def _level(share: float, warning: float, critical: float) -> Verdict:
    return "fail" if share < critical else "warn" if share < warning else "pass"


def _minfree(system: PostfixFacts) -> tuple[str, ...]:
    """What is wrong with queue_minfree, and the fix."""
    minfree, limit = (system.settings.get(name, "0") for name in ("queue_minfree", "message_size_limit"))
    if not (minfree.isdecimal() and limit.isdecimal()) or not int(minfree) or int(minfree) >= ROOM * int(limit):
        return ()  # 0: Postfix takes 1.5 times the limit by itself
    wanted = int(ROOM * int(limit))
    directory = system.config_directory
    return (
        f"queue_minfree = {minfree} is less than 1.5 times message_size_limit ({limit})",
        f"postconf -c {directory} -e 'queue_minfree = {wanted}'",
        f"postfix -c {directory} reload",
    )


def _rounded(size: int) -> str:
    for unit in (1 << 40, 1 << 30, 1 << 20):
        if size >= unit:
            return format_size(size // unit * unit)
    return format_size(size)


def _clock(facts: Facts) -> Finding:
    clock = facts.clock
    fix = ("timedatectl set-ntp true", "timedatectl timesync-status")
    worst = max(clock.offsets, key=lambda each: abs(each[1]), default=None)
    if worst is not None and abs(worst[1]) > OFF:
        said = f"{duration(abs(worst[1]))} {'behind' if worst[1] > 0 else 'ahead of'} {worst[0]}"
        return Finding("clock", "fail" if abs(worst[1]) > FAR_OFF else "warn", said, fix=fix)
    if clock.synchronised is False:
        return Finding("clock", "warn", "not kept by NTP, as the kernel has it", fix=fix)
    if clock.synchronised is None and worst is None:
        return Finding("clock", "skipped", "the kernel does not tell, and nobody could be compared with")
    return Finding("clock", "pass", "kept by NTP" if clock.synchronised else f"as {worst[0] if worst else ''} has it")


def _drills(facts: Facts) -> Iterator[Finding]:
    drills = facts.drills
    if isinstance(drills, Unknown):
        yield Finding("drill", "skipped", drills.why)
        return
    names = [domain.domain for domain in facts.domains]
    without = [name for name in names if name not in facts.drilled]
    if without:
        said = f"{counted(len(without), 'domain')} without an address for drills"
        line = 'mxtui.toml, [drill.addresses]: "example.org" = "drill@example.org"'
        yield Finding("drill", "skipped", said, fix=(line,))
    for name in names:
        if name not in facts.drilled:
            continue
        drill = drills.get(name)
        fix = (command("mxtui", "drill", name),)
        stands = standing(drill, facts.now, facts.limits.drill)
        if drill is None:
            yield Finding("drill", "warn", "there never was one", name, fix)
            continue
        ago = f"{duration(facts.now - drill.at)} ago"
        if stands == "failed":
            yield Finding("drill", "fail", f"failed {ago}{': ' if drill.detail else ''}{drill.detail}", name, fix)
        elif stands == "overdue":
            yield Finding("drill", "warn", f"passed, but {ago}", name, fix)
        else:
            yield Finding("drill", "pass", f"passed {ago}", name)
