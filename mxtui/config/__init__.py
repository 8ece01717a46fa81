"""Settings: TOML files to one frozen, validated value. Everything has a default."""

from mxtui.config.hosts import Host
from mxtui.config.loading import SYSTEM_FILE, files, load, where
from mxtui.config.serving import Limits, Serve
from mxtui.config.settings import Alerts, Console, Drain, Kept, Notify, Probe, Row, Settings, settings_table

__all__ = [
    "SYSTEM_FILE",
    "Alerts",
    "Console",
    "Drain",
    "Host",
    "Kept",
    "Limits",
    "Notify",
    "Probe",
    "Row",
    "Serve",
    "Settings",
    "files",
    "load",
    "settings_table",
    "where",
]
