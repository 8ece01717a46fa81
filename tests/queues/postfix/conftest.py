"""Where messages are acted on."""

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import FakePrimary
from mxtui.queues.postfix.layout import Layout
from tests.conftest import PostfixFactory
from tests.queues.postfix.acting import QUIET, layout_of


@pytest.fixture
def instance(postfix: PostfixFactory, primary: FakePrimary) -> PrivatePostfix:
    """A Postfix whose primary is down."""
    primary.down()
    return postfix(routes={"example.org": primary.port, "client.example": primary.port}, settings=QUIET)


@pytest.fixture
def layout(instance: PrivatePostfix) -> Layout:
    return layout_of(instance)
