#!/usr/bin/env python3
"""Verifies a download against its receipt, as docs/EVIDENCE.md says; independent of atrail itself.

Usage: verify.py FILE --key VKEY [--receipt FILE.receipt] [--since OLD.receipt]
Exit code: 0 proven, 1 not right, 2 usage, 3 nothing can be concluded.
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
MAX_RECEIPT_BYTES = 1 << 30
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

# Texts: what a member must be, and what it is read as

def text(value):
    need(type(value) is str, "not a text")
    return value

def number(value, low=0, end=1 << 64):
    need(type(value) is int and low <= value < end, "not a number of that range")
    return value

def retention(value):
    return number(value, -(1 << 63), 1 << 63)

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

def moment(value):
    form = r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?Z"
    need(re.fullmatch(form, text(value), re.ASCII) and day(value[:10]) >= 0, f"not a moment in UTC: {value}")
    return value

def one_of(*values):
    def read(value):
        need(value in values, f"not one of {values}: {value!r}")
        return value
    return read

HOURS = {"first": number, "last": number}
SEGMENT = {"id": text, "hour": number, "count": number, "size": number, "root": hashed}
HOLD = {"time": moment, "actor": text, "level": one_of("space", "account"), "reason": text}
OF_DAY = {
    "seal": {"time": moment, "day": text, "segments": [SEGMENT]},
    "delete": {"time": moment, "day": text, "hours": HOURS, "position": number, "actor": text, "request": text,
               "kind": one_of("request", "retention"), "reason": text, "events": number, "bytes": number},
}
OF_CONTROL = {
    "genesis": {"time": moment, "domain": text, "key": text, "epoch": text, "continues": text, "reason": text},
    "key": {"time": moment, "actor": text, "key": text, "endorsement": text},
    "policy": {"time": moment, "actor": text, "retention_days": retention},
    "hold": HOLD,
    "release": HOLD,
    "space-added": {"time": moment, "actor": text, "space": text, "genesis": hashed},
    "space-removed": {"time": moment, "actor": text, "space": text},
}
RECORD = {"index": number, "list": text, "position": number, "entry": hashed, "days": hashed,
          "control": {"size": number, "root": hashed}}
DOMAIN = {"domain": text, "checkpoint": text, "record": text, "inclusion": [hashed], "days": [hashed],
          "lists": [{"day": text, "entries": [text]}], "control": [text], "subtrees": dict,
          "deletions": [{"day": text, "position": number, "record": text, "inclusion": [hashed]}],
          "consistency": [{"size": number, "proof": [hashed]}]}
RECEIPT = {"session": text, "user": text, "created": text, "manifest": text, "domains": [DOMAIN],
           "scope": {"start": day, "end": day, "hours": HOURS}}
MANIFEST = {"objects": [{"domain": text, "object": text, "offset": number, "length": number, "sha256": text,
                         "segments": [text]}]}

def shaped(value, shape):
    """The value with its members read; those that are not known are passed over."""
    if isinstance(shape, dict):
        return {name: shaped(value[name], shape[name]) for name in shape}
    if isinstance(shape, list):
        need(type(value) is list, "not a list")
        return [shaped(item, shape[0]) for item in value]
    return shape(value)

def pairs(members):
    result = dict(members)
    need(len(result) == len(members), "a member stands twice")
    return result

def no_constant(name):
    raise Wrong(f"not JSON: {name}")

def parse(source):
    value, depth = json.loads(source, object_pairs_hook=pairs, parse_constant=no_constant), 0
    level = [value]
    while level := [item for item in level if isinstance(item, (dict, list))]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    need(depth <= 16, "nested too deep")
    return value

def entry(source, shapes):
    value = parse(source)
    kind = text(value["type"])
    if kind not in {**OF_DAY, **OF_CONTROL}:
        raise Unproven(f"an entry of type {kind!r}, which is not known here")
    need(kind in shapes, f"an entry of type {kind}, which does not belong there")
    return {"type": kind, **shaped(value, shapes[kind])}

# Signatures (C2SP signed-note)

def check_name(name):
    is_bad = any(char.isspace() or ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or char == "+" for char in name)
    need(0 < len(name.encode()) <= 255 and not is_bad, "not the name of a key")

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
        self.public = Ed25519PublicKey.from_public_bytes(data[1:])

    def verify(self, note):
        """The text of a note, signed by this key."""
        signed, lines = split_note(note)
        own = [signature[4:] for name, signature in lines if (name, signature[:4]) == (self.name, self.id)]
        need(own, f"not signed by {self.text}")
        for signature in own:
            try:
                self.public.verify(signature, signed.encode())
            except InvalidSignature:
                raise Wrong(f"the signature of {self.text} is wrong") from None
        return signed

def split_note(note):
    signed, found, rest = note.rpartition("\n\n")
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

def checkpoint(source):
    lines = source.split("\n")
    need(len(lines) >= 4 and lines[0] and lines[1] == str(number(int(lines[1]))), "not a checkpoint")
    return lines[0], int(lines[1]), hashed(lines[2])

# Logs

class Control:
    """A control list that was read: its entries, its root at each size, and its keys."""

    def __init__(self, domain, texts):
        self.entries = [entry(one, OF_CONTROL) for one in texts]
        self.leaves = [leaf(one) for one in texts]
        need(self.entries and self.entries[0]["type"] == "genesis", "the control list does not begin with a genesis")
        self.genesis = self.entries[0]
        need(self.genesis["domain"] == domain, "the genesis is that of another domain")
        self.keys = [Key(self.genesis["key"])]
        epoch = self.genesis["epoch"]
        self.origin = f"{self.keys[0].name}/{domain}" + (f"/{epoch}" if epoch else "")
        for one in self.entries[1:]:
            need(one["type"] != "genesis", "a second genesis")
            need(one["type"][:6] != "space-" or domain.startswith("account-"), "spaces belong to an account")
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
        try:
            return checkpoint(self.genesis["continues"])
        except ValueError:
            return None

class Log:
    """The evidence of one domain, checked."""

    def __init__(self, evidence, control, signer, first, last):
        self.evidence, self.control = evidence, control
        need(control.keys[-1].text == signer.text, "the control list ends with another key")
        self.checkpoint = checkpoint(signer.verify(evidence["checkpoint"]))
        origin, self.size, self.root = self.checkpoint
        need(origin == control.origin, "the checkpoint is that of another log")
        record = self.record(evidence)
        need(record["index"] == self.size - 1, "the record is not the last one")
        need(record["control"]["size"] == len(control.leaves), "the record states another control list")
        self.lists, self.entries, before = {}, {}, -1
        for one in evidence["lists"]:
            place = day(one["day"])
            need(before < place and first <= place <= last and one["entries"], "a day list out of order")
            before, self.lists[place] = place, one["entries"]
            self.entries[place] = [entry(item, OF_DAY) for item in one["entries"]]
            need(all(item["day"] == one["day"] for item in self.entries[place]), "an entry of another day")

        def leaf_of(place):
            entries = self.lists.get(place)
            state = entries and len(entries).to_bytes(8, "big") + root_of(map(leaf, entries))
            return sha(b"\0" + (state or b""))

        root = days_root(first, last, leaf_of, evidence["days"])
        need(root == record["days"], "the record states other day lists")

    def record(self, proof):
        """A record that is in the log, with the control list of then."""
        record = shaped(parse(proof["record"]), RECORD)
        index = record["index"]
        need(index < self.size, f"record {index} is none of the log")
        root = root_by_path(leaf(proof["record"]), index, self.size, proof["inclusion"])
        need(root == self.root, f"record {index} is not in the log")
        self.control.need_state(record["control"])
        return record

    def segments(self, hours, told):
        """The expected segments of those hours, with their days; tells the deletions."""
        proofs = {(proof["day"], proof["position"]): proof for proof in self.evidence["deletions"]}
        need(len(proofs) == len(self.evidence["deletions"]), "a deletion has two records")
        result, deleted = [], {"retention": [], "request": []}
        for place, entries in self.entries.items():
            standing = []
            for position, one in enumerate(entries):
                if one["type"] == "seal":
                    is_right = all(item["count"] > 0 and item["hour"] < 24 for item in one["segments"])
                    need(one["segments"] and is_right, "an entry seals nothing, or an hour that is none")
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
        need(one["hours"]["first"] <= one["hours"]["last"] <= 23, "a deletion of no hours")
        gone, rest = removed(one, standing)
        stated = (one["position"], one["events"], one["bytes"])
        sums = (position, sum(item["count"] for item in gone), sum(item["size"] for item in gone))
        need(stated == sums, "a deletion at another position, or with other numbers")
        record = self.record(proof)
        named = (record["list"], record["position"], record["entry"])
        need(named == (one["day"], position, leaf(self.lists[place][position])), "the record names another entry")
        days, holds = self.control.in_force(record["control"]["size"])
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

    def __init__(self, note, pinned, doubts):
        body = parse(split_note(note)[0])
        kind, version = text(body["type"]), number(body["version"], end=1 << 32)
        if (kind, version) != ("atrail-receipt", 1):
            raise Unproven(f"a receipt of type {kind!r} and version {version}, which is not known here")
        self.body, scope = shaped(body, RECEIPT), body["scope"]
        self.logs, self.is_whole, self.keys = {}, False, set()
        need(("space" in scope) != ("account" in scope), "a scope of nothing")
        self.scope = f"space-{text(scope['space'])}" if "space" in scope else f"account-{text(scope['account'])}"
        self.first, self.last, self.hours = (self.body["scope"][name] for name in ("start", "end", "hours"))
        need(self.first <= self.last and self.hours["first"] <= self.hours["last"] <= 23, "no days or hours")
        need(self.body["domains"], "no domains")
        try:
            controls = [Control(one["domain"], one["control"]) for one in self.body["domains"]]
        except Unproven as doubt:
            doubts.append(str(doubt))
            return
        signer = controls[0].keys[-1]
        signer.verify(note)
        self.signer = signer.text
        leading = {key.text for control in controls for key in control.keys if control.keys[-1].text == self.signer}
        need(not pinned or pinned & leading, f"signed by {self.signer}, which the pinned key does not lead to")
        self.check_domains(controls)
        for one, control in zip(self.body["domains"], controls):
            try:
                self.logs[one["domain"]] = Log(one, control, signer, self.first, self.last)
            except Unproven as doubt:
                doubts.append(f"{one['domain']}: {doubt}")
        self.is_whole = len(self.logs) == len(controls)
        self.keys = {key.text for log in self.logs.values() for key in log.control.keys}

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
        for place, (domain, log) in enumerate(self.logs.items()):
            for at, segment in log.segments(self.hours, told):
                need(segment["id"] not in expected, "a segment is sealed twice")
                expected[segment["id"]] = (place, domain, at, segment)
                runs = log.evidence["subtrees"].get(segment["id"])
                if segment["count"] > RUN and runs is not None:
                    is_right = len(runs) == (segment["count"] + RUN - 1) // RUN
                    is_right = is_right and root_of(map(hashed, runs)) == segment["root"]
                    need(is_right, "subtree hashes that do not give the root of their segment")
            genesis, before = log.control.genesis, log.control.continues()
            if genesis["epoch"]:
                known = f"it continues checkpoint {before[1]}" if before else "what was signed before is not known"
                told.append(f"{domain}: the log begins anew at {genesis['time']} ({genesis['reason']}); {known}")
        for item in shaped(parse(self.body["manifest"]), MANIFEST)["objects"]:
            for key in item["segments"]:
                need(key in expected, f"segment {key} is not of the scope, deleted, or named twice")
                place, domain, at, segment = expected.pop(key)
                need(domain == item["domain"], "an object of another domain")
                order.append((place, at, segment["hour"]))
                result.append(segment)
        need(not expected, f"MISSING: {len(expected)} segments are not in the manifest")
        need(order == sorted(order), "the manifest is not in order")
        return result

# The file

def pieces(file):
    """The content of a file, all members of a gzip one after the other."""
    data = file.read(PIECE_BYTES)
    if data[:2] != b"\x1f\x8b":
        while data:
            yield data
            data = file.read(PIECE_BYTES)
    while data:
        member = zlib.decompressobj(31)
        while not member.eof:
            try:
                piece = member.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise Wrong(f"the compressed data is damaged: {error}") from None
            need(piece or data, "TRUNCATED: the compressed data ends too early")
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
    need(size == 0, "TRUNCATED: the last line is not ended")

def check_content(file, plan):
    source, count = lines(file), 0
    for segment in plan:
        total = 0

        def leaves():
            nonlocal total
            for _ in range(segment["count"]):
                line, size = next(source, (None, 0))
                need(line, "TRUNCATED: the file ends too early")
                total += size
                yield line

        need(root_of(leaves()) == segment["root"], f"MODIFIED: lines from {count + 1}, segment {segment['id']}")
        need(total == segment["size"], "a segment of another size")
        count += segment["count"]
    need(next(source, None) is None, "EXTRA: lines behind the last event")
    return count

# An earlier receipt

def check_since(old, new, told, doubts):
    for domain, before in old.logs.items():
        now = new.logs.get(domain)
        if now is None:
            doubts.append(f"{domain} is not in the later receipt")
        elif before.control.origin == now.control.origin:
            check_beginning(before, now, new, f"since the earlier receipt: {domain}", doubts)
        elif now.control.continues() == before.checkpoint:
            check_kept(before, now, new, f"since the earlier receipt: {domain}", told, doubts)
        else:
            doubts.append(f"{domain}: another epoch, which does not continue the earlier receipt")

def check_beginning(before, now, new, name, doubts):
    """The earlier log is the beginning of the later one."""
    if before.size > now.size:
        doubts.append(f"{name}: the receipt is older than the one it is to follow")
        return
    if before.size == now.size:
        need(before.root == now.root, f"{name}: two histories of one size were signed")
    else:
        proofs = [one["proof"] for one in now.evidence["consistency"] if one["size"] == before.size]
        if not proofs:
            doubts.append(f"{name}: there is no consistency proof")
            return
        roots = roots_by_consistency(before.size, now.size, proofs[0], before.root)
        need(roots == (before.root, now.root), f"{name}: the log does not begin with the earlier one")
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
    with open(path, encoding="utf-8", newline="") as file:
        result = file.read(MAX_RECEIPT_BYTES + 1)
    if len(result) > MAX_RECEIPT_BYTES:
        raise Unproven(f"{path} is larger than {MAX_RECEIPT_BYTES} characters")
    return result

def verify(args, told):
    """How many events the file has; tells what else there is to know."""
    pinned, doubts = {key.text for key in args.key}, []
    earlier = args.since and text_of(args.since)
    note = text_of(args.receipt or args.file + ".receipt")
    with open(args.file, "rb") as file:
        receipt = Receipt(note, pinned, doubts)
        count = check_content(file, receipt.plan(told)) if receipt.is_whole else 0
    if not pinned:
        doubts.append("UNPINNED: no key was given")
    if earlier:
        try:
            # The keys that signed the log before are known by the log that is signed now.
            old = Receipt(earlier, pinned and pinned | receipt.keys, doubts)
            if receipt.is_whole:
                check_since(old, receipt, told, doubts)
        except Unproven as doubt:
            doubts.append(f"the earlier receipt: {doubt}")
    if receipt.logs:
        told.append(f"signed by {receipt.signer}")
    if doubts:
        raise Unproven("; ".join(doubts))
    return f"{receipt.scope}: {count} events, complete and unmodified"

def main(arguments=None):
    parser = argparse.ArgumentParser(description="Verifies a download against its receipt.")
    parser.add_argument("file")
    parser.add_argument("--key", action="append", default=[], type=Key, metavar="VKEY")
    parser.add_argument("--receipt")
    parser.add_argument("--since")
    args, told = parser.parse_args(arguments), []
    try:
        code, said = 0, f"OK {verify(args, told)}"
    except (Unproven, OSError) as error:
        code, said = 3, f"NOT CONCLUDED {error}"
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        code, said = 1, f"NOT PROVEN {error if isinstance(error, Wrong) else f'malformed evidence: {error!r}'}"
    for line in [said, *(f"   {line}" for line in told)]:
        # Receipts are of whoever made them: nothing of them is to move the cursor.
        print("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line))
    return code

if __name__ == "__main__":
    sys.exit(main())
