"""The journal entry in its annotation."""

import json
from dataclasses import replace

import pytest

from serinus.core.model import Cause, SplitRecord
from serinus.core.split_record import UnreadableRecord, read, write

RECORD = SplitRecord(uid="u", seq=3, revision="bcd45678", step=1, weight=5, cause=Cause.STEP, at=1780000000)
WRITTEN = '{"uid":"u","seq":3,"revision":"bcd45678","step":1,"weight":5,"cause":"step","at":1780000000}'


def test_an_entry_is_compact_and_leaves_out_what_it_does_not_say() -> None:
    assert write(RECORD) == WRITTEN


def test_the_cause_is_read_as_a_cause() -> None:
    assert read(WRITTEN).cause is Cause.STEP


def test_an_entry_that_was_written_over_before_it_was_recorded_travels_inside_the_new_one() -> None:
    over = replace(RECORD, seq=4, weight=0, cause=Cause.ROLLBACK, note="bad", before=replace(RECORD, note="x" * 300))
    assert read(write(over)) == replace(over, before=replace(RECORD, note="x" * 200))


def test_a_broken_entry_inside_is_refused() -> None:
    with pytest.raises(UnreadableRecord, match=r"^not a JSON object$"):
        read(json.dumps({**json.loads(WRITTEN), "before": 7}))


def test_a_long_note_is_cut_to_200_characters() -> None:
    record = SplitRecord(uid="u", seq=1, revision="", step=0, weight=0, cause=Cause.START, at=1, note="x" * 300)
    assert read(write(record)).note == "x" * 200


def test_members_of_a_newer_version_are_passed_over() -> None:
    assert read(json.dumps({**json.loads(WRITTEN), "colour": "red"})) == RECORD


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"seq": None}, "seq is None"),
        ({"seq": "3"}, "seq is '3'"),
        ({"step": True}, "step is True"),
        ({"weight": 101}, "weight is 101, not 0 to 100"),
        ({"weight": -1}, "weight is -1, not 0 to 100"),
        ({"cause": "whim"}, "cause is 'whim'"),
        ({"note": 7}, "note is 7"),
    ],
)
def test_an_entry_with_a_wrong_member_is_refused_with_the_member_named(change: dict[str, object], why: str) -> None:
    with pytest.raises(UnreadableRecord, match=f"^{why}$"):
        read(json.dumps({**json.loads(WRITTEN), **change}))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"split"'])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(UnreadableRecord, match="not"):
        read(text)
