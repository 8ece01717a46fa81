"""Makes screenshots/: every screen of a console on a real Postfix in a real outage (`make screenshots`).

Run as root where Postfix is installed; takes about five minutes. Nothing is drawn by hand; days that nobody can wait
for are written into the history first (`remembered`).
"""

import asyncio
import os
import random
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from textual.pilot import Pilot

from mxtui.cli.attach import attach
from mxtui.cli.console import services
from mxtui.cli.draining import naming
from mxtui.cli.fleet import Consoles
from mxtui.cli.members import Member
from mxtui.demo.letters import letter
from mxtui.demo.ports import free_port
from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import FakePrimary
from mxtui.demo.scenario import Scenario
from mxtui.tui.app import ConsoleApp
from mxtui.tui.services import Settings
from tests.screenshots import remembered
from tests.screenshots.doctor import with_doctor
from tests.sifting.corpus import OURS, queue_of
from tests.sifting.planting import plant_postfix

HERE = Path(__file__).resolve().parents[2] / "screenshots"
FOLDER = Path("/srv/mx2")
"""A name that may be seen in pictures. Made, and removed."""

PILE = 400
"""Messages that come on top for the picture of a drain: its rates need half a minute to have a shape."""

LARGE, SMALL = (140, 40), (80, 24)


class Camera:
    """A console under way, and a way to keep what it shows."""

    def __init__(self, app: ConsoleApp, pilot: Pilot[None]) -> None:
        self._app = app
        self._pilot = pilot

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)
        await self._pilot.pause()

    async def until(self, true: Callable[[], object], seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                await self._pilot.pause(0.05)

    async def settled(self) -> None:
        """Everything read and every primary checked."""
        app = self._app
        await self.until(
            lambda: (
                app.overview
                and app.overview.reading is None
                and app.overview.domains
                and all(row.health and row.health.state != "unknown" for row in app.overview.domains)
            )
        )
        await self.press()

    @property
    def watched_for_a_minute(self) -> bool:
        """Every column has something to say."""
        overview = self._app.overview
        return overview is not None and any(row.change_per_minute for row in overview.domains)

    def is_up(self, domain: str) -> bool:
        """Its primary has been found well, and often enough."""
        overview = self._app.overview
        rows = overview.domains if overview is not None else ()
        return any(row.domain == domain and row.health is not None and row.health.state == "up" for row in rows)

    @property
    def drained_share(self) -> float:
        """Of the drain that runs."""
        return self._app.drain.share if self._app.drain is not None else 0.0

    async def shows(self, text: str, seconds: float = 30) -> None:
        await self.until(lambda: text in self._app.export_screenshot().replace("&#160;", " "), seconds)

    def keep(self, name: str) -> None:
        HERE.mkdir(exist_ok=True)
        (HERE / f"{name}.svg").write_text(portable(self._app.export_screenshot(title="mxtui")))
        print(f"screenshots/{name}.svg")


def portable(svg: str) -> str:
    """Without fonts from elsewhere, and with the spaces that begin a run of text kept by every viewer."""
    svg = re.sub(r"@font-face \{[^}]*\}\s*", "", svg)
    svg = svg.replace("Fira Code", "DejaVu Sans Mono")
    return svg.replace("<text ", '<text xml:space="preserve" ')


async def tour(config: Path, camera: Callable[[Camera], object], size: tuple[int, int], settings: Settings) -> None:
    names = str(config), str(FOLDER / "mxtui.toml")
    with attach(*names) as attached, services(attached, settings, again=naming(*names)) as given:
        app = ConsoleApp(with_doctor(attached, given))
        async with app.run_test(size=size) as pilot:
            taken = Camera(app, pilot)
            await taken.settled()
            await camera(taken)  # type: ignore[misc]


async def everything(camera: Camera) -> None:
    await camera.until(lambda: camera.watched_for_a_minute, 90)
    camera.keep("domains")
    await camera.press("2")
    await camera.shows("queue id")
    await camera.press("slash", *"from:*@rechnung.example", "enter")
    await camera.shows("match")
    await camera.press("asterisk")
    await camera.shows("marked")
    camera.keep("messages")
    await camera.press("x")
    await camera.shows("What will run")
    camera.keep("confirm")
    await camera.press("escape", "enter")
    await camera.shows("Envelope")
    camera.keep("inspector")
    await camera.press("escape", "3")
    await camera.shows("connection refused")
    camera.keep("reasons")
    await camera.press("2")
    await camera.press("h")
    await camera.shows("Hold")
    await camera.press(*"forged invoices", "enter")
    await camera.shows("held")
    camera.keep("outcome")
    await camera.press("escape", "6")
    await camera.shows("forged invoices")
    camera.keep("audit")
    await camera.press("5")
    await camera.shows("421")
    camera.keep("primaries")
    await camera.press("question_mark")
    await camera.shows("Esc")
    camera.keep("help")


async def alerts(camera: Camera) -> None:
    await camera.until(lambda: camera.watched_for_a_minute, 90)
    await camera.press("exclamation_mark")
    await camera.shows("Acknowledge")
    await camera.press("a")
    await camera.shows("Reason")
    await camera.press(*"they move the rack until six", "enter")
    await camera.shows("knows, until")
    camera.keep("alerts")
    await camera.press(*["j"] * 9, "a")  # taken back: the other pictures are of nobody's knowing


async def doctor(camera: Camera) -> None:
    await camera.press("D")
    await camera.shows("failed", 60)
    camera.keep("doctor")


async def small(camera: Camera) -> None:
    camera.keep("domains-80x24")
    await camera.press("2")
    await camera.shows("age")
    camera.keep("messages-80x24")


async def history(camera: Camera) -> None:
    await camera.press("H")
    await camera.shows("Messages waiting")
    camera.keep("history")
    await camera.press("escape", "F")
    await camera.shows("what is to come")
    camera.keep("forecast")


async def quiet(camera: Camera) -> None:
    await camera.shows("Last outage")
    camera.keep("quiet")


async def suspects(camera: Camera) -> None:
    await camera.press("7")
    await camera.shows("2,000 judged", 120)
    await camera.press("j")
    await camera.shows("+3.0")
    camera.keep("suspects")


async def suspects_small(camera: Camera) -> None:
    await camera.press("7")
    await camera.shows("2,000 judged", 120)
    camera.keep("suspects-80x24")


async def domains_light(camera: Camera) -> None:
    camera.keep("domains-light")


async def migrating(camera: Camera) -> None:
    await camera.press("m")
    await camera.shows("What will run")
    await camera.press(*"new host, ticket 4711")
    camera.keep("migrate")
    await camera.press("enter")
    await camera.shows("Close")
    await camera.press("enter")
    await camera.shows("migrating")
    camera.keep("migrating")


async def several(members: Sequence[Member]) -> None:
    settings = Settings(theme="tokyo-night", mouse=False)
    with Consoles(members, str(FOLDER / "mxtui.toml"), settings) as fleet:
        app = ConsoleApp(fleet=fleet)
        async with app.run_test(size=LARGE) as pilot:
            camera = Camera(app, pilot)
            await camera.shows("2 of 3 live", 60)
            await camera.shows("AWAY", 60)
            await camera.shows("DOWN", 60)
            await camera.press("j")
            camera.keep("hosts")
            await camera.press("v")
            await camera.shows("up from mx1", 60)
            camera.keep("across")


def hosts(stack: ExitStack, scenario: Scenario) -> None:
    """The queue of the scenario, one from which its primary can be reached, and a host that cannot be."""
    primary = stack.enter_context(FakePrimary(free_port(), hostname="mx1.example.org"))
    settings = {"relay_domains": "example.org", "defer_transports": "smtp"}
    other = stack.enter_context(PrivatePostfix(FOLDER / "mx1", routes={"example.org": primary.port}, settings=settings))
    chance = random.Random(3)
    for _ in range(40):
        sent = letter("example.org", chance)
        other.inject(sent.sender, sent.recipients, sent.content, client_address=sent.client_address)
    asyncio.run(several([
        Member("mx1", str(other.config_directory)),
        Member("mx2", str(scenario.postfix.config_directory)),
        Member("mx3", "ssh://root@mx3.example.net"),
    ]))  # fmt: skip


def drained(scenario: Scenario) -> Callable[[Camera], object]:
    """A primary that is back: it takes its time over each message, and one mailbox is full."""

    def pile_up() -> None:
        chance = random.Random(11)
        for _ in range(PILE):
            sent = letter("example.org", chance)
            scenario.postfix.inject(sent.sender, sent.recipients, sent.content, client_address=sent.client_address)

    async def drain(camera: Camera) -> None:
        await asyncio.to_thread(pile_up)
        primary = scenario.primaries["example.org"]
        primary.behave(delay=2.5, temporary="^press@")
        primary.up()
        await camera.until(lambda: camera.is_up("example.org"), 120)
        await camera.press("f")
        await camera.shows("Flush")
        await camera.press("enter")
        await camera.until(lambda: camera.drained_share >= 0.6, 180)
        camera.keep("drain")

    return drain


def a_day_before(config: Path, scenario: Scenario) -> None:
    with attach(str(config), str(FOLDER / "mxtui.toml")) as attached:
        remembered.outage(attached, "example.org", list(scenario.primaries))


def quiet_day(stack: ExitStack) -> None:
    """Another backup MX, all of whose primaries are up."""
    names = [f"{name}.example" for name in ("bank", "clinic", "museum", "school", "shop", "town")]
    primaries = {name: stack.enter_context(FakePrimary(free_port(), hostname=f"mx1.{name}")) for name in names}
    routes = {name: primary.port for name, primary in primaries.items()}
    postfix = stack.enter_context(
        PrivatePostfix(FOLDER / "quiet", routes=routes, settings={"relay_domains": " ".join(names)})
    )
    with attach(str(postfix.config_directory), str(FOLDER / "mxtui.toml")) as attached:
        remembered.quiet(attached, names, FOLDER)
    asyncio.run(tour(postfix.config_directory, quiet, LARGE, Settings(theme="tokyo-night", mouse=False)))


def spam(stack: ExitStack) -> None:
    """A queue half of which is spam; its primaries are up, and nothing is tried before the pictures are taken."""
    primaries = {name: stack.enter_context(FakePrimary(free_port(), hostname=f"mx1.{name}")) for name in OURS}
    routes = {name: primary.port for name, primary in primaries.items()}
    settings = {"relay_domains": " ".join(OURS), "queue_run_delay": "1d", "minimal_backoff_time": "1d"}
    postfix = stack.enter_context(PrivatePostfix(FOLDER / "spam", routes=routes, settings=settings))
    plant_postfix(postfix.queue_directory, queue_of(1_000, 1_000, seed=7))
    config = postfix.config_directory
    asyncio.run(tour(config, suspects, LARGE, Settings(theme="tokyo-night", mouse=False)))
    asyncio.run(tour(config, suspects_small, SMALL, Settings(theme="tokyo-night", mouse=False)))


def main() -> None:
    for name in ("NO_COLOR", "TERM_PROGRAM"):
        os.environ.pop(name, None)
    os.environ["COLORTERM"] = "truecolor"
    with ExitStack() as stack:
        FOLDER.mkdir()
        stack.callback(shutil.rmtree, FOLDER)
        settings = FOLDER / "mxtui.toml"
        settings.write_text(
            f'state = "{FOLDER}"\naudit = "{FOLDER}/audit.jsonl"\n'
            f'holds = "{FOLDER}/holds"\nhistory = "{FOLDER}/history"\n'
            f'[kept]\nfolder = "{FOLDER}/kept"\n[drain]\nfolder = "{FOLDER}/drains"\n'
        )
        scenario = stack.enter_context(Scenario(FOLDER, recovery=None, traffic=1.0))
        config = scenario.postfix.config_directory
        a_day_before(config, scenario)
        asyncio.run(tour(config, history, LARGE, Settings(theme="tokyo-night", mouse=False)))
        asyncio.run(tour(config, domains_light, LARGE, Settings(theme="catppuccin-latte", mouse=False)))
        asyncio.run(tour(config, small, SMALL, Settings(theme="tokyo-night", mouse=False)))
        asyncio.run(tour(config, doctor, LARGE, Settings(theme="tokyo-night", mouse=False)))
        asyncio.run(tour(config, everything, LARGE, Settings(theme="tokyo-night", mouse=False)))
        asyncio.run(tour(config, alerts, LARGE, Settings(theme="tokyo-night", mouse=False)))
        hosts(stack, scenario)
        asyncio.run(tour(config, drained(scenario), LARGE, Settings(theme="tokyo-night", mouse=False)))
        asyncio.run(tour(config, migrating, LARGE, Settings(theme="tokyo-night", mouse=False)))
        quiet_day(stack)
        spam(stack)


if __name__ == "__main__":
    main()
