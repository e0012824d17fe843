"""The file name is the name: configuration class, file and class agree for every kind."""

import pytest

from tests.contract.kinds import ATTENTIONS, LOSSES, MASKINGS, MODELS, ROOMS, files_of


@pytest.mark.parametrize("room", ROOMS)
def test_every_file_has_a_configuration_and_every_configuration_a_file(room):
    assert {config.kind for config in ROOMS[room]} == files_of(room)


@pytest.mark.parametrize("config", [*ATTENTIONS, *MASKINGS, *MODELS, *LOSSES], ids=lambda c: f"{c.room}-{c.kind}")
def test_the_class_is_found_and_documented(config):
    implementation = config.implementation()
    assert implementation.__doc__
    assert type(config).__doc__
