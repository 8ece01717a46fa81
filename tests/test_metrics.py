"""Metrics as Prometheus's own tools see them: promtool, and node exporter's textfile collector."""

import json
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mxtui.demo.ports import free_port
from mxtui.errors import MxtuiError
from mxtui.metrics import MOST_DOMAINS, Told, text, write
from mxtui.model.alerts import Facts
from mxtui.model.drill import Drill
from mxtui.model.forecast import Examined
from mxtui.model.health import Climb, Rung
from mxtui.model.overview import Acknowledgement
from tests.model.alerts.story import NOW, Story, flow, health, row
from tests.support.waiting import wait_until

DASHBOARD = Path(__file__).parents[1] / "contrib" / "grafana-dashboard.json"

EXPIRES = 1_800_691_200.0  # 2027-01-23, 08:00


def told(**more: Any) -> Told:
    """Everything there can be."""
    story = Story()
    climbed = health(climb=Climb(NOW, (Rung("starttls", "passed", 2.0, "TLSv1.3"),), EXPIRES))
    story.known = [Acknowledgement("drill", "a.example", "warning", "known", "anna", NOW + 1, NOW + 99)]
    story.tell(
        row("example.org", messages=3, oldest=NOW - 600, expires=NOW + 3600, health=health("down")),
        row("b.example", messages=2, oldest=NOW - 60, held=NOW - 60, states={"hold": 2}, health=climbed),
        row("drained.example", flow=flow(9, 8, 7, 1)),
        **more,
    )
    assert story.last is not None
    drills = {"a.example": Drill(NOW - 5, "a.example", "queue", "failed", 1.5, "not seen")}
    return Told(story.last, Facts(("a.example",), drills, NOW + 90_000), Examined(NOW, 20, 3, 1))


def samples(content: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """By name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(content.decode())
        for sample in family.samples
    }


def needed(program: str) -> str:
    """Its path; skips without it, and fails in CI."""
    path = shutil.which(program)
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is not installed")
        pytest.skip(f"{program} is not installed")
    return path


def test_the_figures_are_those_of_the_overview() -> None:
    found = samples(text(told()))
    assert found["mxtui_queue_bytes", ()] == 0
    assert found["mxtui_domain_messages", (("domain", "b.example"), ("state", "hold"))] == 2
    assert found["mxtui_domain_messages", (("domain", "drained.example"), ("state", "deferred"))] == 0
    assert found["mxtui_domain_oldest_waiting_timestamp_seconds", (("domain", "example.org"),)] == NOW - 600
    assert found["mxtui_domain_oldest_held_timestamp_seconds", (("domain", "b.example"),)] == NOW - 60
    assert found["mxtui_primary_state", (("domain", "example.org"), ("state", "down"))] == 1
    assert found["mxtui_primary_probe_duration_seconds", (("domain", "b.example"),)] == 0.009
    assert found["mxtui_primary_certificate_expiry_timestamp_seconds", (("domain", "b.example"),)] == 1_800_691_200
    assert found["mxtui_recipients_refused_total", (("domain", "drained.example"),)] == 1
    assert found["mxtui_drill_passed", (("domain", "a.example"),)] == 0
    assert found["mxtui_doctor_checks", (("verdict", "fail"),)] == 1
    assert found["mxtui_alerts", (("severity", "critical"),)] == 2
    down = (("acknowledged", "false"), ("domain", "example.org"), ("name", "primary_down"), ("severity", "critical"))
    assert found["mxtui_alert", down] == 1


def test_since_when_a_primary_is_up_is_remembered_from_one_run_to_the_next() -> None:
    story = Story()
    story.tell(row(health=health(since=NOW)))
    assert story.last is not None
    found = samples(text(Told(story.last, Facts(), up_since={"example.org": NOW - 900})))
    assert found["mxtui_primary_up_since_timestamp_seconds", (("domain", "example.org"),)] == NOW - 900


def test_promtool_finds_nothing_to_complain_of() -> None:
    done = subprocess.run(
        [needed("promtool"), "check", "metrics"], input=text(told()), capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_node_exporter_serves_the_textfile(tmp_path: Path) -> None:
    write(told(), tmp_path / "mxtui.prom")
    with exporter(tmp_path) as url:
        page = urllib.request.urlopen(url, timeout=30).read()
    assert b"node_textfile_scrape_error 0" in page
    served = samples(page)
    ours = samples(text(told()))
    assert {key: value for key, value in served.items() if key[0].startswith("mxtui_")} == ours


@contextmanager
def exporter(folder: Path) -> Iterator[str]:
    """Node exporter with this textfile folder and nothing else."""
    address = f"127.0.0.1:{free_port()}"
    argv = [
        needed("prometheus-node-exporter"), "--collector.disable-defaults", "--collector.textfile",
        f"--collector.textfile.directory={folder}", f"--web.listen-address={address}",
    ]  # fmt: skip
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(f"http://{address}/"), what="node exporter answers")
        yield f"http://{address}/metrics"
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except OSError:
        return False
    return True


def test_the_textfile_is_replaced_whole_and_may_be_read_by_others(tmp_path: Path) -> None:
    path = tmp_path / "mxtui.prom"
    path.write_text("before")
    write(told(), path)
    assert path.read_bytes() == text(told())
    assert [each.name for each in tmp_path.iterdir()] == ["mxtui.prom"]
    assert path.stat().st_mode & 0o044 == 0o044


def test_a_textfile_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(MxtuiError, match="nowhere"):
        write(told(), tmp_path / "nowhere" / "mxtui.prom")


def test_no_label_is_an_address_and_hostile_domains_stay_one_line() -> None:
    one = told()
    rows = [row("user@example.org", messages=1, oldest=NOW), row('a"b\\\n\x1b[31m', messages=1, oldest=NOW)]
    content = text(replace(one, overview=replace(one.overview, domains=rows)))
    assert b"user@" not in content
    assert b"\x1b" not in content
    assert samples(content)


def test_domains_that_spammers_made_up_are_bounded() -> None:
    one = told()
    rows = [row(f"d{number}.example", messages=1, oldest=NOW) for number in range(MOST_DOMAINS + 500)]
    found = samples(text(replace(one, overview=replace(one.overview, domains=rows))))
    assert sum(name == "mxtui_domain_recipients" for name, _ in found) == MOST_DOMAINS


def test_domains_that_look_alike_are_one_series() -> None:
    one, long = told(), "x" * 255
    names = ["a@b", "a_b", long + "1", long + "2", "plain.example"]
    rows = [row(name, messages=9 - number, oldest=NOW) for number, name in enumerate(names)]
    lines = text(replace(one, overview=replace(one.overview, domains=rows))).decode().splitlines()
    series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(series) == len(set(series))
    assert 'mxtui_domain_messages{domain="a_b",state="deferred"} 9.0' in lines, "the deepest"


# -- the dashboard -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dashboard() -> Any:
    return json.loads(DASHBOARD.read_text())


def expressions(dashboard: Any) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_the_dashboard_asks_for_nothing_that_is_not_there(dashboard: Any) -> None:
    known = {name for name, _ in samples(text(told()))}
    asked = {name for each in expressions(dashboard) for name in re.findall(r"\bmxtui_\w+", each)}
    variables = dashboard["templating"]["list"]
    asked |= {name for each in variables for name in re.findall(r"\bmxtui_\w+", str(each["query"]))}
    assert asked
    assert asked - known == set()


def test_the_dashboard_is_one_that_grafana_loads(dashboard: Any) -> None:
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= set(dashboard)
    assert re.fullmatch(r"[\w-]{1,40}", dashboard["uid"])
    assert "id" not in dashboard, "an import has none"
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24, "a row of Grafana's grid"
        assert taken.isdisjoint(cells), panel["title"]
        taken |= cells
        assert panel["datasource"]["uid"] == "${datasource}"
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    variables = {each["name"] for each in dashboard["templating"]["list"]}
    used = {name for each in expressions(dashboard) for name in re.findall(r"\$(\w+)", each)}
    assert used <= variables


def test_the_expressions_are_what_prometheus_understands(dashboard: Any, tmp_path: Path) -> None:
    rules = {
        "groups": [
            {
                "name": "dashboard",
                "rules": [
                    {"record": f"panel:{number}", "expr": re.sub(r"\$\w+", ".*", each)}
                    for number, each in enumerate(expressions(dashboard))
                ],
            }
        ]
    }
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps(rules))  # which is YAML, too
    done = subprocess.run(
        [needed("promtool"), "check", "rules", str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
