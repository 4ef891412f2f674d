#!/usr/bin/env python3
"""Verifies a download against its receipt, as docs/EVIDENCE.md says; independent of atrail itself.
It reads no proof of a single event: `atrail verify --proof` does.

Usage: verify.py FILE --key VKEY [--receipt FILE.receipt] [--since OLD.receipt] [--contains ACKS]
Exit code: 0 proven, 1 not right, 2 usage, 3 nothing can be concluded. What is not right weighs more than what is not known.
Needs Python 3.9 and the package `cryptography`, for Ed25519.
"""
import argparse
import base64
import datetime
import hashlib
import json
import re
import sys
import zlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PIECE_BYTES = 1 << 16
MAX_TEXT_BYTES = 1 << 30  # of a receipt, and of a list of acknowledgements
MAX_HEADER_BYTES = 4 << 16  # of a gzip member: more than its two texts and its extra field can have
RUN = 1024  # events below one hash of a segment's subtrees

class Wrong(ValueError):
    """The file or its evidence is not right."""

class Unproven(Exception):
    """Nothing can be concluded."""

def need(condition, why):
    if not condition:
        raise Wrong(why)

# Hashes and trees (RFC 6962)

def sha(data):
    return hashlib.sha256(data).digest()

def leaf(text):
    return sha(b"\0" + text.encode())

def node(left, right):
    return sha(b"\1" + left + right)

def root_of(leaves):
    stack = []  # complete subtrees: (size, root)
    for item in leaves:
        size = 1
        while stack and stack[-1][0] == size:
            item = node(stack.pop()[1], item)
            size *= 2
        stack.append((size, item))
    if not stack:
        return sha(b"")
    root = stack.pop()[1]
    while stack:
        root = node(stack.pop()[1], root)
    return root

def split(count):
    return 1 << ((count - 1).bit_length() - 1)

def root_by_path(item, index, size, path):
    """RFC 6962, section 2.1.1, from the definition: the last hash of a path is that of the topmost split."""
    if size == 1:
        need(not path, "an audit path is too long")
        return item
    need(path, "an audit path is too short")
    left = split(size)
    if index < left:
        return node(root_by_path(item, index, left, path[:-1]), path[-1])
    return node(path[-1], root_by_path(item, index - left, size - left, path[:-1]))

def roots_by_consistency(old, size, proof, old_root, is_whole=True):
    """RFC 6962, section 2.1.2: the roots of the old and the new tree, as the proof gives them."""
    if old == size:
        if is_whole:
            need(not proof, "a consistency proof is too long")
            return old_root, old_root
        need(len(proof) == 1, "a consistency proof has another length")
        return proof[0], proof[0]
    need(proof, "a consistency proof is too short")
    left = split(size)
    if old <= left:
        first, second = roots_by_consistency(old, left, proof[:-1], old_root, is_whole)
        return first, node(second, proof[-1])
    first, second = roots_by_consistency(old - left, size - left, proof[:-1], old_root, False)
    return node(proof[-1], first), node(proof[-1], second)

def days_root(first, last, leaf_of, proof):
    rest = list(reversed(proof))

    def walk(level, index):
        start, end = index << level, ((index + 1) << level) - 1
        if end < first or last < start:
            need(rest, "a range proof is too short")
            return rest.pop()
        if level == 0:
            return leaf_of(index)
        return node(walk(level - 1, 2 * index), walk(level - 1, 2 * index + 1))

    root = walk(16, 0)
    need(not rest, "a range proof is too long")
    return root

# JSON: one form for each value

def whole(spelling):
    need(re.fullmatch("0|-?[1-9][0-9]{0,19}", spelling), f"a number of another form: {spelling[:40]}")
    need(-(1 << 63) <= int(spelling) < 1 << 64, f"a number of more than 64 bits: {spelling}")
    return int(spelling)

def no_number(spelling):
    raise Wrong(f"a number that is no whole one: {spelling[:40]}")

def pairs(members):
    result = dict(members)
    need(len(result) == len(members), "a member stands twice")
    return result

def parse(source):
    value = json.loads(source, object_pairs_hook=pairs, parse_int=whole, parse_float=no_number, parse_constant=no_number)
    depth, level = 0, [value]
    while level:
        # Half of a surrogate pair is no text: it cannot be written in UTF-8.
        "".join(item for item in level if isinstance(item, str)).encode()
        level = [item for item in level if isinstance(item, (dict, list))]
        depth += bool(level)
        level = [inner for item in level for inner in (*item, *(item.values() if isinstance(item, dict) else ()))]
    need(depth <= 16, "nested too deep")
    return value

def shaped(value, shape):
    """The value with its members read; those that are not known are passed over."""
    if isinstance(shape, dict):
        need(type(value) is dict, "not an object")
        return {name: shaped(value[name], shape[name]) for name in shape}
    if isinstance(shape, list):
        need(type(value) is list, "not a list")
        return [shaped(item, shape[0]) for item in value]
    return shape(value)

# What a member must be, and what it is read as

def text(value):
    need(type(value) is str, "not a text")
    return value

def number(value, low=0, end=1 << 64):
    need(type(value) is int and low <= value < end, "not a number of that range")
    return value

def hour(value):
    return number(value, end=24)

def count(value):
    return number(value, low=1)

def retention(value):
    return number(value, -1, 1 << 63)

def unbase64(value):
    data = base64.b64decode(text(value), validate=True)
    need(base64.b64encode(data).decode() == value, "not canonical base64")
    return data

def hashed(value):
    data = unbase64(value)
    need(len(data) == 32, "not a hash")
    return data

def day(value):
    """The number of a day since 1970-01-01."""
    need(re.fullmatch(r"\d{4}-\d\d-\d\d", text(value), re.ASCII), f"not a day: {value}")
    result = (datetime.date.fromisoformat(value) - datetime.date(1970, 1, 1)).days
    need(0 <= result < 65536, f"a day out of the tree of days: {value}")
    return result

def day_name(value):
    day(value)
    return value

def moment(value):
    form = r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?Z"
    need(re.fullmatch(form, text(value), re.ASCII) and day(value[:10]) >= 0, f"not a moment in UTC: {value}")
    return value

def one_of(*values):
    def read(value):
        need(text(value) in values, f"not one of {values}: {value!r}")
        return value
    return read

# Signatures (C2SP signed-note)

def check_name(name):
    is_bad = any(char.isspace() or ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or char == "+" for char in name)
    need(0 < len(name.encode()) <= 255 and not is_bad, "not the name of a key")

# The curve of Ed25519 (RFC 8032, section 5.1)
PRIME = 2**255 - 19
D = -121665 * pow(121666, -1, PRIME) % PRIME

def is_small(point):
    """Whether an encoded point is of small order: y is 0, 1 or -1, or twice the point has the y 0."""
    y = int.from_bytes(point, "little") % (1 << 255) % PRIME
    return y * (y * y - 1) * (D * y**4 + 2 * y * y - 1) % PRIME == 0

def is_point(point):
    y = int.from_bytes(point, "little") % (1 << 255) % PRIME
    return pow((y * y - 1) * (D * y * y + 1), (PRIME - 1) // 2, PRIME) == 1

class Key:
    def __init__(self, vkey):
        parts = vkey.split("+", 2)
        need(len(parts) == 3, "not a verifier key")
        self.text, self.name = vkey, parts[0]
        check_name(self.name)
        data = unbase64(parts[2])
        need(len(data) == 33 and data[0] == 1, "not an Ed25519 key")
        self.id = sha(self.name.encode() + b"\n" + data)[:4]
        need(self.id.hex() == parts[1], "the id of a key is wrong")
        need(is_point(data[1:]) and not is_small(data[1:]), "not a key of Ed25519, or one that signs anything")
        self.public = Ed25519PublicKey.from_public_bytes(data[1:])

    def signs(self, signed, lines):
        """Whether a note has a line of this key; each that it has must be right."""
        own = [signature[4:] for name, signature in lines if (name, signature[:4]) == (self.name, self.id)]
        for signature in own:
            try:
                need(not is_small(signature[:32]), f"the signature of {self.text} is wrong")
                self.public.verify(signature, signed.encode())
            except InvalidSignature:
                raise Wrong(f"the signature of {self.text} is wrong") from None
        return bool(own)

    def verify(self, note):
        """The text of a note, signed by this key."""
        signed, lines = split_note(note)
        need(self.signs(signed, lines), f"not signed by {self.text}")
        return signed

def split_note(note):
    signed, found, rest = text(note).rpartition("\n\n")
    need(found and rest.endswith("\n"), "not a signed note")
    need(all(char >= " " or char == "\n" for char in signed), "a control character in a note")
    lines = []
    for line in rest[:-1].split("\n"):
        need(line.startswith("— ") and line.count(" ") == 2, "a signature line is malformed")
        name, signature = line.split(" ")[1:]
        check_name(name)
        lines.append((name, unbase64(signature)))
        need(len(lines[-1][1]) > 4 and len(lines) <= 100, "a signature is too short, or one too many")
    return signed + "\n", lines

def checkpoint(note):
    """Origin, size and root in a note, whoever signed it; further lines are passed over."""
    lines = split_note(note)[0].split("\n")
    need(len(lines) >= 4 and lines[0] and re.fullmatch("0|[1-9][0-9]{0,19}", lines[1]), "not a checkpoint")
    return lines[0], number(int(lines[1])), hashed(lines[2])

# Forms: all texts of a receipt are read before any is compared with another

def vkey(value):
    return Key(text(value)).text

def note_text(value):
    split_note(value)
    return value

def signed_checkpoint(value):
    checkpoint(value)
    return value

def continued(value):
    return value if text(value) == "" else signed_checkpoint(value)

def record(value):
    """The text of a record, and what it says."""
    return value, shaped(parse(text(value)), RECORD)

def hours(value):
    result = shaped(value, {"first": hour, "last": hour})
    need(result["first"] <= result["last"], "hours in reverse")
    return result

def segments(value):
    result = shaped(value, [SEGMENT])
    need(result, "an entry that seals nothing")
    return result

def subtrees(value):
    need(type(value) is dict, "not an object")
    return {name: shaped(runs, [hashed]) for name, runs in value.items()}

def entry(source, shapes):
    value = parse(source)
    need(type(value) is dict, "an entry that is no object")
    kind = text(value["type"])
    if kind not in {**OF_DAY, **OF_ACCOUNT}:
        return {"type": kind, "later": f"an entry of type {kind!r}, which is not known here"}
    need(kind in shapes, f"an entry of type {kind}, which does not belong there")
    return {"type": kind, **shaped(value, shapes[kind])}

def day_list(value):
    result = shaped(value, {"day": day_name, "entries": [text]})
    need(result["entries"], "a day list without entries")
    result["read"] = [entry(one, OF_DAY) for one in result["entries"]]
    need({one.get("day", result["day"]) for one in result["read"]} == {result["day"]}, "an entry of another day")
    return result

def domain(value):
    result = shaped(value, DOMAIN)
    shapes = OF_ACCOUNT if result["domain"].startswith("account-") else OF_SPACE
    result["read"] = [entry(one, shapes) for one in result["control"]]
    places = [at for at, one in enumerate(result["read"]) if one["type"] == "genesis"]
    need(places == [0], "the first entry of a control list, and no other, is a genesis")
    days = [day(one["day"]) for one in result["lists"]]
    need(days == sorted(set(days)), "day lists out of order")
    return result

def manifest(value):
    return shaped(parse(text(value)), MANIFEST)

SEGMENT = {"id": text, "hour": hour, "count": count, "size": number, "root": hashed}
HOLD = {"time": moment, "actor": text, "level": one_of("space", "account"), "reason": text}
OF_DAY = {
    "seal": {"time": moment, "day": text, "segments": segments},
    "delete": {"time": moment, "day": text, "hours": hours, "position": number, "actor": text, "request": text,
               "kind": one_of("request", "retention"), "reason": text, "events": number, "bytes": number},
}
OF_SPACE = {
    "genesis": {"time": moment, "domain": text, "key": vkey, "epoch": text, "continues": continued, "reason": text},
    "key": {"time": moment, "actor": text, "key": vkey, "endorsement": note_text},
    "policy": {"time": moment, "actor": text, "retention_days": retention},
    "hold": HOLD,
    "release": HOLD,
}
OF_ACCOUNT = {
    **OF_SPACE,
    "space-added": {"time": moment, "actor": text, "space": text, "genesis": hashed},
    "space-removed": {"time": moment, "actor": text, "space": text},
}
RECORD = {"index": number, "list": text, "position": number, "entry": hashed, "days": hashed,
          "control": {"size": number, "root": hashed}}
DOMAIN = {"domain": text, "checkpoint": signed_checkpoint, "record": record, "inclusion": [hashed], "days": [hashed],
          "lists": [day_list], "control": [text], "subtrees": subtrees,
          "deletions": [{"day": day_name, "position": number, "record": record, "inclusion": [hashed]}],
          "consistency": [{"size": number, "proof": [hashed]}]}
MANIFEST = {"objects": [{"domain": text, "object": text, "offset": number, "length": number, "sha256": text,
                         "segments": [text]}]}
RECEIPT = {"session": text, "user": text, "created": moment, "manifest": manifest, "domains": [domain],
           "scope": {"start": day, "end": day, "hours": hours}}

# Logs

class Control:
    """A control list that is followed: its entries, its root at each size, and its keys."""

    def __init__(self, evidence):
        name, self.entries = evidence["domain"], evidence["read"]
        self.leaves = [leaf(one) for one in evidence["control"]]
        self.genesis = self.entries[0]
        need(self.genesis["domain"] == name, "the genesis is that of another domain")
        self.keys = [Key(self.genesis["key"])]
        epoch = self.genesis["epoch"]
        self.origin = f"{self.keys[0].name}/{name}" + (f"/{epoch}" if epoch else "")
        for one in self.entries:
            if one["type"] == "key":
                signed = self.keys[-1].verify(one["endorsement"])
                need(signed == f"atrail key rotation\n{self.origin}\n{one['key']}\n", "a key is not endorsed")
                self.keys.append(Key(one["key"]))
                need(self.keys[-1].name == self.keys[0].name, "a key of another name")

    def need_state(self, state):
        is_right = 0 < state["size"] <= len(self.leaves) and root_of(self.leaves[: state["size"]]) == state["root"]
        need(is_right, "a record states another control list")

    def in_force(self, size=None):
        days, holds = -1, set()
        for one in self.entries[:size]:
            if one["type"] == "policy":
                days = one["retention_days"]
            elif one["type"] == "hold":
                holds.add(one["level"])
            elif one["type"] == "release":
                holds.discard(one["level"])
        return days, holds

    def continues(self):
        """The checkpoint that a later epoch continues: origin, size, root."""
        return checkpoint(self.genesis["continues"]) if self.genesis["continues"] else None

class Log:
    """The evidence of one domain, checked."""

    def __init__(self, evidence, control, signer, first, last):
        self.evidence, self.control = evidence, control
        need(control.keys[-1].text == signer.text, "the control list ends with another key")
        signer.verify(evidence["checkpoint"])
        self.checkpoint = checkpoint(evidence["checkpoint"])
        origin, self.size, self.root = self.checkpoint
        need(origin == control.origin, "the checkpoint is that of another log")
        last_record = self.record(evidence)
        need(last_record["index"] == self.size - 1, "the record is not the last one")
        need(last_record["control"]["size"] == len(control.leaves), "the record states another control list")
        self.lists = {day(one["day"]): one["entries"] for one in evidence["lists"]}
        self.entries = {day(one["day"]): one["read"] for one in evidence["lists"]}

        def leaf_of(place):
            entries = self.lists.get(place)
            state = entries and len(entries).to_bytes(8, "big") + root_of(map(leaf, entries))
            return sha(b"\0" + (state or b""))

        root = days_root(first, last, leaf_of, evidence["days"])
        need(root == last_record["days"], "the record states other day lists")
        for one in evidence["lists"]:
            for later in filter(None, (read.get("later") for read in one["read"])):
                raise Unproven(later)

    def record(self, proof):
        """A record that is in the log, with the control list of then."""
        source, said = proof["record"]
        index = said["index"]
        need(index < self.size, f"record {index} is none of the log")
        root = root_by_path(leaf(source), index, self.size, proof["inclusion"])
        need(root == self.root, f"record {index} is not in the log")
        self.control.need_state(said["control"])
        return said

    def segments(self, hours, told):
        """The expected segments of those hours, with their days; tells the deletions."""
        proofs = {(proof["day"], proof["position"]): proof for proof in self.evidence["deletions"]}
        need(len(proofs) == len(self.evidence["deletions"]), "a deletion has two records")
        result, deleted = [], {"retention": [], "request": []}
        for place, entries in self.entries.items():
            standing = []
            for position, one in enumerate(entries):
                if one["type"] == "seal":
                    standing += one["segments"]
                else:
                    proof = proofs.pop((one["day"], position), None)
                    need(proof, f"deletion {position} of {one['day']} has no record")
                    standing = self.delete(one, place, position, proof, standing)
                    deleted[one["kind"]].append(one["events"])
            result += [(place, item) for item in standing if hours["first"] <= item["hour"] <= hours["last"]]
        need(not proofs, "there is a record of a deletion that is none")
        for kind, events in deleted.items():
            if events:
                told.append(f"{self.evidence['domain']}: {len(events)} deletions by {kind}, {sum(events)} events")
        return result

    def delete(self, one, place, position, proof, standing):
        gone, rest = removed(one, standing)
        stated = (one["position"], one["events"], one["bytes"])
        sums = (position, sum(item["count"] for item in gone), sum(item["size"] for item in gone))
        need(stated == sums, "a deletion at another position, or with other numbers")
        said = self.record(proof)
        named = (said["list"], said["position"], said["entry"])
        need(named == (one["day"], position, leaf(self.lists[place][position])), "the record names another entry")
        days, holds = self.control.in_force(said["control"]["size"])
        need(one["actor"] and not holds, "UNAUTHORISED DELETE: by nobody, or while a hold stood")
        is_due = one["kind"] == "request" or 0 <= days < day(one["time"][:10]) - place
        need(is_due, "UNAUTHORISED DELETE: by retention, and not due")
        return rest

def removed(deletion, standing):
    """What a deletion removes, and what it leaves."""
    hours = range(deletion["hours"]["first"], deletion["hours"]["last"] + 1)
    gone, rest = [], []
    for item in standing:
        (gone if item["hour"] in hours else rest).append(item)
    return gone, rest

class Receipt:
    """A receipt whose signatures, domains and logs are right; where something of it is not known, the doubts say so."""

    def __init__(self, note, pinned, doubts, are_all=True):
        signed, lines = split_note(note)
        for key in pinned:
            key.signs(signed, lines)
        body = parse(signed)
        need(type(body) is dict, "not a receipt")
        kind, version = text(body["type"]), number(body["version"], end=1 << 32)
        if (kind, version) != ("atrail-receipt", 1):
            raise Unproven(f"a receipt of type {kind!r} and version {version}, which is not known here")
        self.body = shaped(body, RECEIPT)
        self.logs, self.is_whole, self.keys = {}, False, []
        self.first, self.last, self.hours = (self.body["scope"][name] for name in ("start", "end", "hours"))
        need(self.first <= self.last, "days in reverse")
        of = [f"{name}-{text(body['scope'][name])}" for name in ("space", "account") if name in body["scope"]]
        need(len(of) == 1, "a scope of nothing, or of two things")
        self.scope, domains = of[0], self.body["domains"]
        need(domains, "no domains")
        for one in domains:
            need(all(self.first <= day(item["day"]) <= self.last for item in one["lists"]), "a day list not asked for")
        later = [one["later"] for item in domains for one in item["read"] if "later" in one]
        if later:
            doubts.append(later[0])
            return
        controls = [Control(one) for one in domains]
        signer = controls[0].keys[-1]
        need(signer.signs(signed, lines), f"not signed by {signer.text}")
        self.signer = signer.text
        leading = {key.text for control in controls for key in control.keys if control.keys[-1].text == self.signer}
        known = {key.text for key in pinned}
        if known and not known & leading:
            # Of a key before the pinned one only the list that says who signs could tell.
            need(not are_all, f"signed by {self.signer}, which the pinned key does not lead to")
            doubts.append(f"whether the pinned key leads to {self.signer} is not known")
        self.check_domains(controls)
        for one, control in zip(domains, controls):
            try:
                self.logs[one["domain"]] = Log(one, control, signer, self.first, self.last)
            except Unproven as doubt:
                doubts.append(f"{one['domain']}: {doubt}")
        self.is_whole = len(self.logs) == len(controls)
        self.keys = [key for control in controls for key in control.keys]

    def check_domains(self, controls):
        expected = {self.scope: controls[0].leaves[0]}
        if self.scope.startswith("account-"):
            for one in controls[0].entries:
                if one["type"] == "space-added":
                    expected[f"space-{one['space']}"] = one["genesis"]
        given = [(one["domain"], control.leaves[0]) for one, control in zip(self.body["domains"], controls)]
        need(given == list(expected.items()), "the domains are not those of the scope")

    def plan(self, told):
        """The segments of the file, in its order; tells deletions and epochs."""
        expected, result, order = {}, [], []
        for place, (name, log) in enumerate(self.logs.items()):
            for at, segment in log.segments(self.hours, told):
                need(segment["id"] not in expected, "a segment is sealed twice")
                expected[segment["id"]] = (place, name, at, segment)
                runs = log.evidence["subtrees"].get(segment["id"])
                if segment["count"] > RUN and runs is not None:
                    is_right = len(runs) == (segment["count"] + RUN - 1) // RUN
                    is_right = is_right and root_of(runs) == segment["root"]
                    need(is_right, "subtree hashes that do not give the root of their segment")
            genesis, before = log.control.genesis, log.control.continues()
            if genesis["epoch"]:
                known = f"it continues checkpoint {before[1]}" if before else "what was signed before is not known"
                told.append(f"{name}: the log begins anew at {genesis['time']} ({genesis['reason']}); {known}")
        for item in self.body["manifest"]["objects"]:
            for key in item["segments"]:
                need(key in expected, f"segment {key} is not of the scope, deleted, or named twice")
                place, name, at, segment = expected.pop(key)
                need(name == item["domain"], "an object of another domain")
                order.append((place, at, segment["hour"]))
                result.append(segment)
        need(not expected, f"MISSING: {len(expected)} segments are not in the manifest")
        need(order == sorted(order), "the manifest is not in order")
        return result

# The file

class Counted:
    """A file of which it is known, at its end, whether it is as long as the one that was made: then it is not cut."""

    def __init__(self, file, length):
        self.file, self.length, self.count = file, length, 0

    def read(self, size):
        data = self.file.read(size)
        self.count += len(data)
        return data

    def must_be_cut(self, damage):
        need(self.count != self.length, f"DAMAGED: {damage}")

def with_header(data, file):
    """What begins a gzip member, with all of its header, whose texts are no longer than 65,535 bytes."""
    while len(data) < 12 and (more := file.read(PIECE_BYTES)):
        data += more
    flags = data[3] if len(data) > 3 else 0
    while flags & 24 and len(data) < MAX_HEADER_BYTES and (more := file.read(PIECE_BYTES)):
        data += more
    at = 12 + int.from_bytes(data[10:12], "little") if flags & 4 else 10
    for flag in (8, 16):
        if flags & flag:
            at = data.find(0, at, at + 65536) + 1
            need(at, "DAMAGED: the compressed data: a name or comment of a gzip member is too long, or cut")
    return data

def pieces(file):
    """The content of a file, all members of a gzip one after the other."""
    data = file.read(PIECE_BYTES)
    if data[:2] != b"\x1f\x8b":
        while data:
            yield data
            data = file.read(PIECE_BYTES)
    while data:
        data = with_header(data, file)
        member = zlib.decompressobj(31)
        while not member.eof:
            try:
                piece = member.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise Wrong(f"DAMAGED: the compressed data: {error}") from None
            if not piece and not data:
                file.must_be_cut("the compressed data: it ends within a member")
                raise Wrong("TRUNCATED: the compressed data ends too early")
            yield piece
            data = member.unused_data if member.eof else member.unconsumed_tail or file.read(PIECE_BYTES)
        data = data or file.read(PIECE_BYTES)

def lines(file):
    """The leaf hash and the size of each line, however long it is."""
    begun, size = hashlib.sha256(b"\0"), 0
    for piece in pieces(file):
        *ends, rest = piece.split(b"\n")
        for end in ends:
            begun.update(end)
            yield begun.digest(), size + len(end)
            begun, size = hashlib.sha256(b"\0"), 0
        begun.update(rest)
        size += len(rest)
    if size:
        file.must_be_cut("the file does not begin as a gzip file does")
        raise Wrong("TRUNCATED: the last line is not ended")

def check_content(file, plan, wanted):
    """How many lines the file has, each of them planned; takes them out of those that are wanted."""
    source, passed = lines(file), 0
    for segment in plan:
        total = 0

        def leaves():
            nonlocal total
            for _ in range(segment["count"]):
                line, size = next(source, (None, 0))
                if not line:
                    file.must_be_cut("lines are missing from a file of its full length")
                    raise Wrong("TRUNCATED: the file ends too early")
                wanted.discard(line)
                total += size
                yield line

        need(root_of(leaves()) == segment["root"], f"MODIFIED: lines from {passed + 1}, segment {segment['id']}")
        need(total == segment["size"], "a segment of another size")
        passed += segment["count"]
    need(next(source, None) is None, "EXTRA: lines behind the last event")
    return passed

# An earlier receipt

def check_since(old, new, told, doubts):
    for name, before in old.logs.items():
        now = new.logs.get(name)
        if now is None:
            doubts.append(f"{name} is not in the later receipt")
        elif before.control.origin == now.control.origin:
            check_beginning(before, now, new, f"since the earlier receipt: {name}", doubts)
        elif now.control.continues() == before.checkpoint:
            check_kept(before, now, new, f"since the earlier receipt: {name}", told, doubts)
        else:
            doubts.append(f"{name}: another epoch, which does not continue the earlier receipt")

def check_beginning(before, now, new, name, doubts):
    """The earlier log is the beginning of the later one."""
    if before.size > now.size:
        doubts.append(f"{name}: the receipt is older than the one it is to follow")
        return
    if before.size == now.size:
        need(before.root == now.root, f"{name}: two histories of one size were signed")
    else:
        proofs = [one["proof"] for one in now.evidence["consistency"] if one["size"] == before.size]
        if proofs:
            roots = roots_by_consistency(before.size, now.size, proofs[0], before.root)
            need(roots == (before.root, now.root), f"{name}: the log does not begin with the earlier one")
        else:
            doubts.append(f"{name}: there is no consistency proof")
    begins = before.control.leaves == now.control.leaves[: len(before.control.leaves)]
    for place, entries in before.lists.items():
        if new.first <= place <= new.last:
            begins = begins and now.lists.get(place, [])[: len(entries)] == entries
    need(begins, f"{name}: a list does not begin with the one that was signed then")

def check_kept(before, now, new, name, told, doubts):
    """The log began anew: what stood then is there, or deleted on record; legal holds did not end by it."""
    days = segments = 0
    for place, entries in before.entries.items():
        standing = []
        for one in entries:
            standing = standing + one["segments"] if one["type"] == "seal" else removed(one, standing)[1]
        if standing and not new.first <= place <= new.last:
            doubts.append(f"{name}: the log began anew, and {entries[0]['day']} was not asked for")
        elif standing:
            sealed = [item for one in now.entries.get(place, []) if one["type"] == "seal" for item in one["segments"]]
            sealed = {tuple(item.values()) for item in sealed}
            missing = [item["id"] for item in standing if tuple(item.values()) not in sealed]
            need(not missing, f"MISSING: {name}: {entries[0]['day']}: segments {', '.join(missing)}")
            days, segments = days + 1, segments + len(standing)
    for level in before.control.in_force()[1]:
        holds = [at for at, one in enumerate(now.control.entries) if (one["type"], one.get("level")) == ("hold", level)]
        for proof in now.evidence["deletions"]:
            is_later = holds and holds[0] < now.record(proof)["control"]["size"]
            need(is_later, f"UNAUTHORISED DELETE: {name}: before a legal hold that stood was recorded anew")
        if not holds:
            doubts.append(f"{name}: a legal hold stood that is not recorded anew")
    told.append(f"{name}: of what stood, {segments} segments of {days} days are there or deleted on record; "
                "its history is no beginning of this one")

def text_of(path):
    with open(path, "rb") as file:
        result = file.read(MAX_TEXT_BYTES + 1)
    if len(result) > MAX_TEXT_BYTES:
        raise Unproven(f"{path} is larger than {MAX_TEXT_BYTES} bytes")
    return result.decode()

def acknowledged(source):
    """The leaf hashes in a list of acknowledgements, at least one; a line with `error` is a refusal."""
    result = set()
    for line in filter(None, (line.strip(" \t\r") for line in source.split("\n"))):
        value = parse(line)
        need(type(value) is dict and ("value" in value) != ("error" in value), "a line that is no acknowledgement")
        if "value" in value:
            result.add(hashed(value["value"]))
        else:
            text(value["error"])
    need(result, "no acknowledgement")
    return result

def verify(args, wanted, told, doubts):
    """How many events the file has; tells what else there is to know, and what is not known."""
    receipt = Receipt(text_of(args.receipt or args.file + ".receipt"), args.key, doubts)
    events, missing = 0, set(wanted)
    if receipt.is_whole:
        plan = receipt.plan(told)
        try:
            with open(args.file, "rb") as file:
                length = sum(one["length"] for one in receipt.body["manifest"]["objects"])
                events = check_content(Counted(file, length), plan, missing)
            need(not missing, f"MISSING: {len(missing)} acknowledged events")
        except OSError as error:
            doubts.append(f"the file cannot be read: {error}")
    if not args.key:
        doubts.append("UNPINNED: no key was given")
    if args.since:
        try:
            # The keys that signed the log before are known by the log that is signed now.
            pinned = args.key and args.key + receipt.keys
            old = Receipt(text_of(args.since), pinned, doubts, are_all=bool(receipt.keys))
            if receipt.is_whole:
                check_since(old, receipt, told, doubts)
        except (Unproven, OSError) as doubt:
            doubts.append(f"the earlier receipt: {doubt}")
    if receipt.logs:
        told.append(f"signed by {receipt.signer}")
    if wanted and not missing:
        told.append(f"{len(wanted)} acknowledged events found")
    if doubts:
        raise Unproven("; ".join(doubts))
    scope = receipt.body["scope"]
    days = [(datetime.date(1970, 1, 1) + datetime.timedelta(scope[end])).isoformat() for end in ("start", "end")]
    asked = f"{receipt.scope} {'..'.join(days)} hours {scope['hours']['first']}-{scope['hours']['last']}"
    return f"{asked}: {events} events, complete and unmodified"

def main(arguments=None):
    parser = argparse.ArgumentParser(description="Verifies a download against its receipt.")
    parser.add_argument("file")
    parser.add_argument("--key", action="append", default=[], type=Key, metavar="VKEY")
    parser.add_argument("--receipt")
    parser.add_argument("--since")
    parser.add_argument("--contains")
    args, told, doubts, wanted = parser.parse_args(arguments), [], [], set()
    try:
        wanted = acknowledged(text_of(args.contains)) if args.contains else wanted
    except (Unproven, OSError) as error:
        doubts.append(f"the acknowledgements: {error}")
    except (ValueError, RecursionError) as error:
        parser.error(f"{args.contains} is no list of acknowledgements: {error}")
    try:
        code, said = 0, f"OK {verify(args, wanted, told, doubts)}"
    except (Unproven, OSError) as error:
        code, said = 3, f"NOT CONCLUDED {error}"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        code, said = 1, f"NOT PROVEN {error if isinstance(error, Wrong) else f'malformed evidence: {error!r}'}"
    for line in [said, *(f"   {line}" for line in told)]:
        # Receipts are of whoever made them: nothing of them is to move the cursor.
        shown = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
        print(shown.encode(sys.stdout.encoding or "utf-8", "replace").decode(sys.stdout.encoding or "utf-8"))
    return code

if __name__ == "__main__":
    sys.exit(main())
