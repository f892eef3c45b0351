"""Reads a dataset's contents from the catalog's projection: there is no second index."""

from collections import defaultdict

from celstream_catalog import Catalog
from celstream_platform.artefacts.port import ArtefactStore
from celstream_protos.v1.clip_pb2 import Clip, FootageAnalysis
from celstream_protos.v1.envelope_pb2 import ItemHeader, Rejection
from celstream_protos.v1.footage_pb2 import Footage
from celstream_segmenter.recipe import ANALYSIS

from celstream.contents import FootageContents


def read_contents(catalog: Catalog, store: ArtefactStore) -> list[FootageContents]:
    """All that is current in the catalog, in order of the footage's name and id; refused footage among it."""
    clips: dict[str, list[Clip]] = defaultdict(list)
    for item in catalog.items("clips"):
        assert isinstance(item, Clip)
        clips[item.item.footage_id].append(item)
    near_duplicates = catalog.near_duplicates()
    rejections: dict[str, list[Rejection]] = defaultdict(list)
    for rejection in catalog.rejections():
        rejections[rejection.footage_id].append(rejection)
    analyses = {}
    for attached in catalog.attachments(ANALYSIS):
        with store.open(attached.artefact) as stream:
            analyses[attached.footage_id] = FootageAnalysis.FromString(stream.read())
    errors = {parked.footage_id: parked.error for parked in catalog.parked()}
    found: list[FootageContents] = []
    for entry in catalog.footages():
        footage = entry.footage
        assert isinstance(footage, Footage)
        key = footage.item.id
        found.append(
            FootageContents(
                footage=footage,
                analysis=analyses.get(key),
                clips=sorted(clips[key], key=lambda clip: (clip.range.start_frame, clip.item.id)),
                rejections=sorted(rejections[key], key=lambda entry: (entry.range.start_frame, entry.id)),
                error=errors.get(key, ""),
                near_duplicates={
                    clip.item.id: near_duplicates[clip.item.id]
                    for clip in clips[key]
                    if clip.item.id in near_duplicates
                },
            )
        )
    taken_in = {contents.id for contents in found}
    for key, entries in rejections.items():
        found += [_refused(entry) for entry in entries if entry.footage_name and key not in taken_in]
    return sorted(found, key=lambda contents: (contents.footage.name, contents.id))


def _refused(rejection: Rejection) -> FootageContents:
    """Footage that intake did not take: known by its name and the reason alone."""
    header = ItemHeader(id=rejection.footage_id, level="footage", footage_id=rejection.footage_id)
    return FootageContents(Footage(item=header, name=rejection.footage_name), None, (), (rejection,))
