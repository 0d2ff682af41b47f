"""What every scenario gets: a laboratory of its own, torn down in any case."""

import os

import pytest

import lab as laboratory

FULL = bool(os.environ.get("USHER_FULL"))
DOORS = ("haproxy", "proxy")


@pytest.fixture(scope="session", autouse=True)
def descriptors():
    laboratory.raise_descriptor_limit()


def pytest_generate_tests(metafunc):
    """`pytest.mark.doors("haproxy", "proxy")`: the scenario runs once behind each."""
    marker = metafunc.definition.get_closest_marker("doors")
    if marker and "door" in metafunc.fixturenames:
        metafunc.parametrize("door", marker.args, indirect=True)


@pytest.fixture
def door(request):
    return getattr(request, "param", "haproxy")


def started(policy, request, prepare=lambda one: None):
    """For a fixture of a whole module with `params=DOORS`: `yield from started(…)`."""
    with laboratory.Lab(policy) as one:
        one.door = request.param
        prepare(one)
        yield one.start()


@pytest.fixture
def lab(request, door):
    """Not started yet; `@pytest.mark.policy({...})` gives it a policy."""
    marker = request.node.get_closest_marker("policy")
    with laboratory.Lab(marker.args[0] if marker else None) as one:
        one.door = door
        yield one


@pytest.fixture
def count():
    """How much of something: the small number in `make check`, the big one in `make e2e-full`."""
    return lambda small, big: big if FULL else small
