"""What the operator says of wrong manifests, those included that an API server refuses before it sees them."""

import re

import pytest

from serinus.api.compile import Problems, compile_spec
from serinus.api.unknown import unknown_fields
from tests.wrong_manifests.load import Wrong, load


@pytest.mark.parametrize("wrong", load(), ids=lambda wrong: wrong.name)
def test_a_wrong_manifest_gets_one_sentence_that_says_what_to_write(wrong: Wrong) -> None:
    compiled = compile_spec(wrong.manifest)
    said = compiled.sentences if isinstance(compiled, Problems) else ()
    sentences = said + unknown_fields(wrong.manifest)
    assert len(sentences) == 1, sentences
    assert re.search(wrong.operator, sentences[0]), sentences
    assert sentences[0].endswith((".", "?")), sentences


def test_there_are_more_than_thirty_and_each_says_who_refuses_it() -> None:
    assert len(load()) >= 30
    assert {wrong.by for wrong in load()} == {"schema", "condition"}
