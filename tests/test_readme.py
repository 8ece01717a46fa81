import re
from pathlib import Path

from mxtui.cli.main import COMMANDS
from mxtui.config import settings_table
from mxtui.queues.postfix.layout import from_settings
from mxtui.queues.postfix.permission import sudoers_lines

README = (Path(__file__).parents[1] / "README.md").read_text()


def settings_markdown() -> str:
    """The table of settings as README has it."""
    rows = [
        f"| `{row.key}` | {f'`{row.default}`' if row.default else ''} | {row.meaning} |" for row in settings_table()
    ]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])


def test_every_setting_is_documented_as_it_is_read() -> None:
    assert settings_markdown() in README


def test_the_sudo_rules_are_the_commands_that_run() -> None:
    layout = from_settings(
        {
            "config_directory": "/etc/postfix",
            "queue_directory": "/var/spool/postfix",
            "command_directory": "/usr/sbin",
            "sendmail_path": "/usr/sbin/sendmail",
            "maximal_queue_lifetime": "5d",
            "bounce_queue_lifetime": "5d",
        }
    )
    assert "\n".join(sudoers_lines(layout)) in README


def test_every_command_is_documented() -> None:
    for name in COMMANDS:
        assert re.search(rf"`mxtui [^`]*\b{name}\b", README), name


def test_every_picture_is_there() -> None:
    pictures = re.findall(r"\]\((screenshots/[^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (Path(__file__).parents[1] / picture).exists(), picture
