"""The words in a file beside its credentials: XMP with IPTC's digital source type, and China's `AIGC` label.

The label is a JSON object of short ASCII strings (GB 45438-2025, TC260's practice guide): `Label` is 1 for "this was
generated", and who made it and under which number follow.
"""

import re
from collections.abc import Mapping
from xml.sax.saxutils import escape

import msgspec

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
TC260 = "http://www.tc260.org.cn/ns/AIGC/1.0/"
GENERATED = "1"
LONGEST = 4096
"""Characters of a label that is read back."""
_UNFIT = re.compile(r"[^\x21\x23-\x5b\x5d-\x7e]")
"""Characters that a value of the label may not have."""
_SOURCE = re.compile(rb"DigitalSourceType(?:>|=[\"'])\s*(https?://[\x21\x23-\x26\x28-\x3b\x3d\x3f-\x7e]{1,200})")
_AIGC = re.compile(rb"<TC260:AIGC[^>]{0,200}>([^<]{1,4096})<")
_NAMED = (("&quot;", '"'), ("&#34;", '"'), ("&apos;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def xmp(source: str, label: str | None) -> bytes:
    """The packet, read-only: nothing may be changed behind the signature."""
    aigc = "" if label is None else f'<TC260:AIGC xmlns:TC260="{TC260}">{escape(label)}</TC260:AIGC>'
    text = (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about=""'
        f' xmlns:Iptc4xmpExt="{IPTC}">'
        f"<Iptc4xmpExt:DigitalSourceType>{escape(source)}</Iptc4xmpExt:DigitalSourceType>"
        f'{aigc}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    )
    return text.encode()


def aigc(producer: str, number: str) -> str:
    """The label as JSON in ASCII, with what its values may not have taken out."""
    values = {
        "Label": GENERATED,
        "ContentProducer": _UNFIT.sub("", producer.replace(" ", "-")),
        "ProduceID": _UNFIT.sub("", number),
        "ReservedCode1": "",
        "ContentPropagator": "",
        "PropagateID": "",
        "ReservedCode2": "",
    }
    return msgspec.json.encode(values).decode()


def source_in(packet: bytes) -> str | None:
    """The digital source type that a packet names."""
    found = _SOURCE.search(packet)
    return None if found is None else found[1].decode()


def label_in(packet: bytes) -> Mapping[str, str] | None:
    """China's label in a packet."""
    found = _AIGC.search(packet)
    return None if found is None else label_of(_unescaped(found[1].decode("utf-8", "replace")))


def label_of(text: str) -> Mapping[str, str] | None:
    """The label that a text is; None when it is none."""
    try:
        return msgspec.json.decode(text[:LONGEST], type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeError):
        return None


def _unescaped(text: str) -> str:
    for name, character in _NAMED:
        text = text.replace(name, character)
    return text
