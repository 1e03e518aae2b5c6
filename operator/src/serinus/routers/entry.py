"""The journal entry in the annotation of whatever object carries the weights."""

from serinus.core import split_record
from serinus.core.model import SplitRecord
from serinus.core.observed import Manifest
from serinus.core.patches import Operation, expect, put, replace


def read_entry(manifest: Manifest) -> tuple[SplitRecord | None, tuple[str, ...]]:
    """The entry, and why there is none that can be read."""
    text = (manifest["metadata"].get("annotations") or {}).get(split_record.ANNOTATION)
    if text is None:
        return None, ()
    try:
        return split_record.read(text), ()
    except split_record.UnreadableRecord as error:
        return None, (
            f"The annotation {split_record.ANNOTATION} cannot be read: {error}. Only Serinus writes it; restore or "
            "remove it.",
        )


def write_entry(manifest: Manifest, record: SplitRecord) -> tuple[list[Operation], Operation]:
    """The tests that the present entry is still there, and the write of the next."""
    entry, annotations = split_record.write(record), manifest["metadata"].get("annotations")
    if not annotations:
        return [], put({split_record.ANNOTATION: entry}, "metadata", "annotations")
    where = ("metadata", "annotations", split_record.ANNOTATION)
    if split_record.ANNOTATION not in annotations:
        return [], put(entry, *where)
    return [expect(annotations[split_record.ANNOTATION], *where)], replace(entry, *where)
