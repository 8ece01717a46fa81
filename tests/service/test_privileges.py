import os
import subprocess
import sys
from pathlib import Path

import pytest

from mxtui.errors import ConfigError, NotPermitted
from mxtui.service.privileges import account, become, make_folder

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up root")

SCRIPT = """
import os, sys
from pathlib import Path
from mxtui.errors import NotPermitted
from mxtui.service.privileges import account, become, make_folder
nobody = account("nobody", "--user")
folder = Path(sys.argv[1]) / "spool"
make_folder(folder, nobody)
become(nobody)
assert os.getresuid() == (nobody.uid,) * 3, os.getresuid()
assert os.getresgid() == (nobody.gid,) * 3
assert set(os.getgroups()) == set(nobody.groups)
(folder / "x").write_text("ours")
for back in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0])):
    try:
        back()
    except PermissionError:
        continue
    raise SystemExit("root again")
become(nobody)
try:
    become(account("daemon", "--user"))
except NotPermitted as error:
    print(error.message)
"""


@root_only
def test_root_is_given_up_for_good_and_the_spool_is_theirs(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder)], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert done.stderr == ""
    assert done.stdout == "only root can become daemon\n"
    status = (folder / "spool").stat()
    assert (status.st_mode & 0o777, status.st_uid) == (0o700, account("nobody", "").uid)


def test_a_user_that_is_not_there_or_is_root_is_a_mistake_of_whoever_named_it() -> None:
    with pytest.raises(ConfigError, match=r"/etc/mxtui\.toml:3: serve\.user: this host has no user nobody-here"):
        account("nobody-here", "/etc/mxtui.toml:3: serve.user")
    with pytest.raises(ConfigError, match="--user: root is root"):
        account("root", "--user")


def test_a_spool_that_exists_is_left_as_it_is(tmp_path: Path) -> None:
    before = tmp_path.stat()
    make_folder(tmp_path, account("nobody", "--user"))
    assert (tmp_path.stat().st_uid, tmp_path.stat().st_mode) == (before.st_uid, before.st_mode)


def test_who_is_not_root_cannot_become_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(NotPermitted, match="only root can become nobody"):
        become(account("nobody", "--user"))
