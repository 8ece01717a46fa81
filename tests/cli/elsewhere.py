"""A Postfix on another host, behind Debian's sshd, and an operator here."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import FakePrimary
from mxtui.queues.postfix.postfix import PostfixQueue
from tests.cli.running import Done, run
from tests.support.settings import FOLDERS
from tests.support.sshd import HOST, Sshd, sshd
from tests.support.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A Postfix on another host, and an operator here."""

    postfix: PrivatePostfix
    primary: FakePrimary
    server: Sshd
    folder: Path
    beside: PostfixQueue
    """The same queue, without mxtui's commands and without ssh."""

    def __call__(self, verb: str, *words: str, queue: str = "mx2") -> Done:
        named = ["-q", queue] if queue else []
        return run([sys.executable, "-m", "mxtui", verb, *named, *words], self.environment)

    def there(self, verb: str, *words: str) -> Done:
        """As somebody who sits there would."""
        return run([sys.executable, "-m", "mxtui", verb, *words], {"XDG_CONFIG_HOME": str(self.server.there)})

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": self.server.path, "XDG_CONFIG_HOME": str(self.folder)}

    def mail(self, sender: str) -> str:
        (queue_id,) = self.postfix.inject(sender, ["info@example.org"])
        wait_until(lambda: self.state(queue_id) == "deferred")
        return queue_id

    def state(self, queue_id: str) -> str:
        """Which of Postfix's queues a message is in."""
        found = self.beside.find(queue_id)
        return "" if found is None else found.state


@contextmanager
def mail_elsewhere() -> Iterator[Elsewhere]:
    """Its primary is up, and Postfix leaves its mail alone."""
    with ExitStack() as stack:
        base = Path(tempfile.mkdtemp(prefix="mxtui-test-"))
        stack.callback(shutil.rmtree, base, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix="mxtui-test-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        primary = stack.enter_context(FakePrimary())
        settings = {"defer_transports": "smtp"}
        postfix = stack.enter_context(PrivatePostfix(base, routes={"example.org": primary.port}, settings=settings))
        server = stack.enter_context(sshd(folder / "ssh"))
        there, here = server.there / "mxtui" / "config.toml", folder / "mxtui" / "config.toml"
        there.write_text(f'queue = "{postfix.config_directory}"\n{FOLDERS.format(folder=server.there)}')
        here.parent.mkdir()
        here.write_text(f'{FOLDERS.format(folder=folder)}\n[[hosts]]\nname = "mx2"\nqueue = "ssh://{HOST}"\n')
        yield Elsewhere(postfix, primary, server, folder, PostfixQueue.attach(str(postfix.config_directory)))
