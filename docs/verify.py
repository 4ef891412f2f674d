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
import sys
import zlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

EPOCH = datetime.date(1970, 1, 1)
KNOWN = {"seal", "delete", "genesis", "key", "policy", "hold", "release", "space-added", "space-removed"}


class Wrong(Exception):
    """The file or its evidence is not right."""


class Unproven(Exception):
    """Nothing can be concluded."""


def need(condition, why):
    if not condition:
        raise Wrong(why)


# Hashes and trees (RFC 6962)

def sha(data):
    return hashlib.sha256(data).digest()


def leaf(data):
    return sha(b"\0" + data)


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


def included(text, index, size, path, root):
    return 0 <= index < size and root_by_path(leaf(text.encode()), index, size, path) == root


def roots_by_consistency(old, size, proof, old_root, is_whole):
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


# Texts

def pairs(members):
    result = dict(members)
    need(len(result) == len(members), "a member stands twice")
    return result


def parse(text, what):
    try:
        return json.loads(text, object_pairs_hook=pairs)
    except (ValueError, RecursionError) as error:
        raise Wrong(f"{what} is malformed: {error}") from None


def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Wrong("not base64") from None
    need(base64.b64encode(data).decode() == text, "not canonical base64")
    return data


def hashed(text):
    data = unbase64(text)
    need(len(data) == 32, "not a hash")
    return data


def number(value):
    need(type(value) is int and 0 <= value < 1 << 64, "not a number of things")
    return value


def day_number(text):
    try:
        need(len(text) == 10, "not a day")
        day = (datetime.date.fromisoformat(text) - EPOCH).days
    except ValueError:
        raise Wrong(f"not a day: {text}") from None
    need(0 <= day < 65536, "a day out of the tree of days")
    return day


def day_of(moment):
    need(moment.endswith("Z") and moment[10] == "T", "not a moment in UTC")
    return day_number(moment[:10])


# Signatures (C2SP signed-note)

class Key:
    def __init__(self, text):
        parts = text.split("+", 2)
        need(len(parts) == 3, "not a verifier key")
        self.text, self.name = text, parts[0]
        data = unbase64(parts[2])
        need(len(data) == 33 and data[0] == 1, "not an Ed25519 key")
        self.id = sha(self.name.encode() + b"\n" + data)[:4]
        need(self.id.hex() == parts[1], "the id of a key is wrong")
        self.public = Ed25519PublicKey.from_public_bytes(data[1:])

    def verify(self, note):
        """The text of a note, signed by this key."""
        text, lines = split_note(note)
        is_signed = False
        for line in lines:
            mark, name, signature = line.split(" ", 2)
            need(mark == "—", "a signature line is malformed")
            signature = unbase64(signature)
            if name == self.name and signature[:4] == self.id:
                try:
                    self.public.verify(signature[4:], text.encode())
                except InvalidSignature:
                    raise Wrong(f"the signature of {self.text} is wrong") from None
                is_signed = True
        need(is_signed, f"not signed by {self.text}")
        return text


def split_note(note):
    text, found, lines = note.rpartition("\n\n")
    need(found and lines.endswith("\n"), "not a signed note")
    text += "\n"
    need(all(char >= " " or char == "\n" for char in text), "a control character in a note")
    lines = lines[:-1].split("\n")
    need(0 < len(lines) <= 100 and all(line.count(" ") == 2 for line in lines), "a signature line is malformed")
    return text, lines


def checkpoint(text):
    lines = text.split("\n")
    need(len(lines) >= 4 and lines[1].isdigit() and str(int(lines[1])) == lines[1], "not a checkpoint")
    return lines[0], int(lines[1]), hashed(lines[2])


# Logs

class Control:
    """A control list that was read: its entries, its root at each size, and its keys."""

    def __init__(self, domain, texts):
        self.entries = [entry(text) for text in texts]
        self.leaves = [leaf(text.encode()) for text in texts]
        need(self.entries and self.entries[0]["type"] == "genesis", "the control list does not begin with a genesis")
        self.genesis = self.entries[0]
        need(self.genesis["domain"] == domain, "the genesis is that of another domain")
        self.keys = [Key(self.genesis["key"])]
        self.origin = f"{self.keys[0].name}/{domain}"
        if self.genesis["epoch"]:
            self.origin += "/" + self.genesis["epoch"]
        for one in self.entries[1:]:
            need(one["type"] in KNOWN - {"genesis", "seal", "delete"}, "an entry that is none of a control list")
            if one["type"].startswith("space-"):
                need(domain.startswith("account-"), "spaces belong to an account")
            if one["type"] == "key":
                text = self.keys[-1].verify(one["endorsement"])
                need(text == f"atrail key rotation\n{self.origin}\n{one['key']}\n", "a key is not endorsed")
                need(Key(one["key"]).name == self.keys[-1].name, "a key of another name")
                self.keys.append(Key(one["key"]))

    def root_at(self, size):
        need(0 < number(size) <= len(self.leaves), "a control list of another size")
        return root_of(self.leaves[:size])

    def in_force(self, size):
        days, holds = -1, set()
        for one in self.entries[:size]:
            if one["type"] == "policy":
                days = one["retention_days"]
            elif one["type"] == "hold":
                holds.add(one["level"])
            elif one["type"] == "release":
                holds.discard(one["level"])
        return days, holds


def entry(text):
    result = parse(text, "an entry")
    if result["type"] not in KNOWN:
        raise Unproven(f"an entry of an unknown type: {result['type']}")
    day_of(result["time"])
    return result


class Log:
    """The evidence of one domain, checked."""

    def __init__(self, evidence, control, signer, first, last):
        self.evidence, self.control = evidence, control
        need(control.keys[-1].text == signer.text, "the control list ends with another key")
        origin, self.size, self.root = checkpoint(signer.verify(evidence["checkpoint"]))
        need(origin == control.origin, "the checkpoint is that of another log")
        record = parse(evidence["record"], "the last record")
        need(number(record["index"]) == self.size - 1, "the record is not the last one")
        self.need_included(evidence["record"], record["index"], evidence["inclusion"])
        need(record["control"]["size"] == len(control.leaves), "the record states another control list")
        need(hashed(record["control"]["root"]) == control.root_at(record["control"]["size"]), "another control list")
        self.lists, before = {}, -1
        for item in evidence["lists"]:
            day = day_number(item["day"])
            need(before < day and first <= day <= last and item["entries"], "a day list out of order")
            before = day
            self.lists[day] = item["entries"]

        def leaf_of(day):
            if day not in self.lists:
                return sha(b"\0")
            entries = self.lists[day]
            root = root_of(leaf(text.encode()) for text in entries)
            return sha(b"\0" + len(entries).to_bytes(8, "big") + root)

        proof = [hashed(text) for text in evidence["days"]]
        need(days_root(first, last, leaf_of, proof) == hashed(record["days"]), "the record states other day lists")

    def need_included(self, text, index, path):
        path = [hashed(one) for one in path]
        need(included(text, number(index), self.size, path, self.root), f"record {index} is not in the log")

    def segments(self, hours):
        """The expected segments, of those hours: GUID → (day, entry of the segment)."""
        proofs, result = {}, {}
        for proof in self.evidence["deletions"]:
            key = (day_number(proof["day"]), number(proof["position"]))
            need(key not in proofs, "a deletion has two records")
            proofs[key] = proof
        for day, texts in self.lists.items():
            standing = {}
            for position, text in enumerate(texts):
                one = entry(text)
                need(day_number(one["day"]) == day, "an entry of another day")
                if one["type"] == "seal":
                    need(one["segments"], "an entry seals nothing")
                    for segment in one["segments"]:
                        need(number(segment["count"]) > 0 and number(segment["hour"]) < 24, "a segment that is none")
                        need(segment["id"] not in standing and segment["id"] not in result, "a segment is sealed twice")
                        standing[segment["id"]] = (day, segment)
                else:
                    need(one["type"] == "delete", "an entry that is none of a day list")
                    need((day, position) in proofs, f"deletion {position} has no record")
                    self.delete(one, day, position, text, proofs.pop((day, position)), standing)
            for key, value in standing.items():
                if hours["first"] <= value[1]["hour"] <= hours["last"]:
                    result[key] = value
        need(not proofs, "there is a record of a deletion that is none")
        return result

    def delete(self, one, day, position, text, proof, standing):
        first, last = number(one["hours"]["first"]), number(one["hours"]["last"])
        need(first <= last <= 23 and one["position"] == position, "a deletion of no hours, or at another position")
        gone = [key for key, (_, segment) in standing.items() if first <= segment["hour"] <= last]
        events = sum(standing[key][1]["count"] for key in gone)
        size = sum(standing[key][1]["size"] for key in gone)
        need((events, size) == (one["events"], one["bytes"]), "a deletion states other numbers")
        for key in gone:
            del standing[key]
        record = parse(proof["record"], "the record of a deletion")
        self.need_included(proof["record"], record["index"], proof["inclusion"])
        named = (record["list"], record["position"], hashed(record["entry"]))
        need(named == (one["day"], position, leaf(text.encode())), "the record names another entry")
        state = record["control"]
        need(self.control.root_at(state["size"]) == hashed(state["root"]), "the record states another control list")
        days, holds = self.control.in_force(state["size"])
        need(one["actor"] and not holds, "a deletion by nobody, or while a hold stood")
        need(one["kind"] in ("request", "retention"), "a deletion of no kind")
        if one["kind"] == "retention":
            need(days >= 0 and day_of(one["time"]) - day > days, "a deletion by retention that was not due")


class Receipt:
    """A receipt whose signatures, domains and logs are right."""

    def __init__(self, note, pinned):
        text, _ = split_note(note)
        self.body = body = parse(text, "the receipt")
        need(body["type"] == "atrail-receipt", "not a receipt")
        if body["version"] != 1:
            raise Unproven(f"a receipt of version {body['version']}")
        scope = body["scope"]
        self.first, self.last = day_number(scope["start"]), day_number(scope["end"])
        need(self.first <= self.last, "no days")
        need(number(scope["hours"]["first"]) <= number(scope["hours"]["last"]) <= 23, "no hours")
        need(("space" in scope) != ("account" in scope) and body["domains"], "a scope of nothing")
        controls = [Control(one["domain"], one["control"]) for one in body["domains"]]
        self.signer = controls[0].keys[-1]
        self.signer.verify(note)
        self.keys = {key.text for control in controls for key in control.keys}
        need(not pinned or pinned & self.keys, f"signed by {self.signer.text}, which the pinned key does not lead to")
        self.check_domains(scope, controls)
        self.logs = {
            one["domain"]: Log(one, control, self.signer, self.first, self.last)
            for one, control in zip(body["domains"], controls)
        }

    def check_domains(self, scope, controls):
        if "space" in scope:
            expected = {f"space-{scope['space']}": controls[0].leaves[0]}
        else:
            expected = {f"account-{scope['account']}": controls[0].leaves[0]}
            for one in controls[0].entries:
                if one["type"] == "space-added":
                    expected[f"space-{one['space']}"] = hashed(one["genesis"])
        given = [(one["domain"], control.leaves[0]) for one, control in zip(self.body["domains"], controls)]
        need(given == list(expected.items()), "the domains are not those of the scope")

    def plan(self):
        """The segments of the file, in its order."""
        expected, places = {}, {}
        for place, (domain, log) in enumerate(self.logs.items()):
            for key, value in log.segments(self.body["scope"]["hours"]).items():
                need(key not in expected, "a segment is sealed twice")
                expected[key], places[key] = value, (place, domain)
        result, order = [], []
        for item in parse(self.body["manifest"], "the manifest")["objects"]:
            for key in item["segments"]:
                need(key in expected, f"segment {key} is not of the scope, deleted, or named twice")
                day, segment = expected.pop(key)
                need(places[key][1] == item["domain"], "an object of another domain")
                order.append((places[key][0], day, segment["hour"]))
                result.append(segment)
        need(not expected, f"{len(expected)} segments are not in the manifest")
        need(order == sorted(order), "the manifest is not in order")
        return result


# The file

def chunks(path):
    """The content of a file, all members of a gzip one after the other."""
    with open(path, "rb") as file:
        data = file.read(1 << 20)
        if data[:2] != b"\x1f\x8b":
            while data:
                yield data
                data = file.read(1 << 20)
            return
        while data:
            member = zlib.decompressobj(31)
            while not member.eof:
                need(data, "the compressed data ends too early")
                try:
                    yield member.decompress(data)
                except zlib.error as error:
                    raise Wrong(f"the compressed data is damaged: {error}") from None
                data = member.unused_data or file.read(1 << 20)


def lines(path):
    rest = b""
    for chunk in chunks(path):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    need(not rest, "the last line is not ended")


def check_content(path, plan):
    source, count = lines(path), 0
    for segment in plan:
        size = 0

        def leaves():
            nonlocal size
            for _ in range(segment["count"]):
                line = next(source, None)
                need(line is not None, "TRUNCATED: the file ends too early")
                size += len(line)
                yield leaf(line)

        need(root_of(leaves()) == hashed(segment["root"]), f"MODIFIED: lines from {count + 1}, segment {segment['id']}")
        need(size == segment["size"], "a segment of another size")
        count += segment["count"]
    need(next(source, None) is None, "EXTRA: lines behind the last event")
    return count


def check_since(old, new):
    for domain, before in old.logs.items():
        now = new.logs.get(domain)
        if now is None:
            raise Unproven(f"{domain} is not in the later receipt")
        if before.control.origin != now.control.origin:
            note = now.control.genesis["continues"]
            if note and checkpoint(split_note(note)[0]) == (before.control.origin, before.size, before.root):
                raise Unproven(f"{domain}: the log began anew; what was recorded before is not proven to be there")
            raise Unproven(f"{domain}: another epoch, which does not continue the earlier receipt")
        if before.size > now.size:
            raise Unproven(f"{domain}: the receipt is older than the one it is to follow")
        if before.size == now.size:
            need(before.root == now.root, f"{domain}: two histories of one size were signed")
        else:
            proofs = [one["proof"] for one in now.evidence["consistency"] if one["size"] == before.size]
            if not proofs:
                raise Unproven(f"{domain}: there is no consistency proof")
            proof = [hashed(text) for text in proofs[0]]
            roots = roots_by_consistency(before.size, now.size, proof, before.root, True)
            need(roots == (before.root, now.root), f"{domain}: the log does not begin with the earlier one")
        begins = before.control.leaves == now.control.leaves[: len(before.control.leaves)]
        for day, entries in before.lists.items():
            if new.first <= day <= new.last:
                begins = begins and now.lists.get(day, [])[: len(entries)] == entries
        need(begins, f"{domain}: a list does not begin with the one that was signed then")


def text_of(path):
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except OSError as error:
        raise Unproven(error) from None


def main():
    parser = argparse.ArgumentParser(description="Verifies a download against its receipt.")
    parser.add_argument("file")
    parser.add_argument("--key", action="append", default=[])
    parser.add_argument("--receipt")
    parser.add_argument("--since")
    args = parser.parse_args()
    pinned = {Key(key).text for key in args.key}
    try:
        receipt = Receipt(text_of(args.receipt or args.file + ".receipt"), pinned)
        count = check_content(args.file, receipt.plan())
        if args.since:
            # The keys that signed the log before are known by the log that is signed now.
            check_since(Receipt(text_of(args.since), pinned and pinned | receipt.keys), receipt)
        if not pinned:
            raise Unproven(f"UNPINNED: no key was given; the receipt is signed by {receipt.signer.text}")
    except (Unproven, OSError) as error:
        print(f"NOT CONCLUDED {error}", file=sys.stderr)
        return 3
    except Wrong as error:
        print(f"NOT PROVEN {error}", file=sys.stderr)
        return 1
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
        print(f"NOT PROVEN the evidence is malformed: {error!r}", file=sys.stderr)
        return 1
    print(f"OK {count} events, complete and unmodified, signed by {receipt.signer.text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
