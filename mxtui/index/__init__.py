"""Every queued message, queryable in memory: apply changes, totals, windows of rows, groupings."""

from mxtui.index.groups import Group, Grouping, filter_of
from mxtui.index.index import Index
from mxtui.index.view import Column, Row, Sort, View

__all__ = ["Column", "Group", "Grouping", "Index", "Row", "Sort", "View", "filter_of"]
