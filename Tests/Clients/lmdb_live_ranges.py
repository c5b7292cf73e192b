"""Walks an LMDB 0.9 file and says which of its bytes are live values.

    python lmdb_live_ranges.py data.mdb        prints: table, key, start, end (exclusive) of every live value

Pure Python, read-only, for files of a 64-bit little-endian machine. The layout (mdb.c of 0.9.24):

    page      pgno u64 · pad u16 · flags u16 · lower u16, upper u16 (an overflow page: pages u32) · node offsets u16 …
    node      lo u16 · hi u16 · flags u16 · key size u16 · key · value       leaf: lo + hi·2¹⁶ is the value's size;
                                                              branch: lo + hi·2¹⁶ + flags·2³² is the child's page
    meta      magic u32 · version u32 · address u64 · map size u64 · two databases · last page u64 · transaction u64
    database  pad u32 · flags u16 · depth u16 · branch, leaf, overflow pages u64 · entries u64 · root u64

The newer of the two meta pages names the root of the main database; its records are the named databases. A large value
lies on overflow pages, behind the first one's header. What no walk from there reaches is free, or not used yet.
"""

import mmap
import struct
import sys
from typing import NamedTuple

MAGIC = 0xBEEFC0DE
NONE = (1 << 64) - 1
PAGE_HEADER = 16
BRANCH, LEAF, OVERFLOW, META, LEAF2 = 0x01, 0x02, 0x04, 0x08, 0x20
BIG_DATA, SUB_DATA, DUP_DATA = 0x01, 0x02, 0x04
INTEGER_KEY = 0x08


class Database(NamedTuple):
    pad: int
    flags: int
    depth: int
    branch_pages: int
    leaf_pages: int
    overflow_pages: int
    entries: int
    root: int


class Value(NamedTuple):
    """A live value: the bytes `start` to `end` of the file."""
    table: str
    key: object  # an integer for tables with integer keys, else bytes
    start: int
    end: int


class LMDBFile:
    def __init__(self, data):
        self.data = data
        first = self._meta(0)
        self.page_size = first[1][0].pad
        newest = max([first, self._meta(self.page_size)], key=lambda meta: meta[3])
        self.main = newest[1][1]
        self.last_page = newest[2]

    @property
    def used_bytes(self):
        """The file up to the last page that was ever used; what is behind it does not matter."""
        return (self.last_page + 1) * self.page_size

    def values(self):
        """Every live value of every named database."""
        for name, node in self._leaves(self.main):
            key, flags, start, end = node
            if not flags & SUB_DATA:
                continue
            table = Database._make(struct.unpack_from("<IHHQQQQQ", self.data, start))
            count = 0
            for _, (raw, flags, first, last) in self._leaves(table):
                assert not flags & (SUB_DATA | DUP_DATA), "duplicates are not used by Reprise"
                number = int.from_bytes(raw, "little") if table.flags & INTEGER_KEY else raw
                yield Value(key.decode(), number, first, last)
                count += 1
            assert count == table.entries, f"{key}: found {count} of {table.entries} entries"

    def _meta(self, offset):
        assert struct.unpack_from("<H", self.data, offset + 10)[0] & META, f"no meta page at {offset}"
        at = offset + PAGE_HEADER
        magic, version, _, _ = struct.unpack_from("<IIQQ", self.data, at)
        assert (magic, version) == (MAGIC, 1), f"magic {magic:x}, version {version}"
        databases = [
            Database._make(struct.unpack_from("<IHHQQQQQ", self.data, at + 24 + 48 * index)) for index in range(2)]
        last_page, transaction = struct.unpack_from("<QQ", self.data, at + 24 + 96)
        return at, databases, last_page, transaction

    def _leaves(self, database):
        """(page, (key, flags, value start, value end)) in order of key."""
        if database.root != NONE:
            yield from self._page(database.root, database.depth)

    def _page(self, number, depth):
        base = number * self.page_size
        found, _, flags, lower, _ = struct.unpack_from("<QHHHH", self.data, base)
        assert found == number, f"page {number} says that it is {found}"
        assert not flags & LEAF2
        offsets = struct.unpack_from(f"<{(lower - PAGE_HEADER) // 2}H", self.data, base + PAGE_HEADER)
        for offset in offsets:
            at = base + offset
            low, high, node_flags, key_size = struct.unpack_from("<HHHH", self.data, at)
            size = low | high << 16
            if flags & BRANCH:
                yield from self._page(size | node_flags << 32, depth - 1)
                continue
            assert flags & LEAF and depth == 1, f"page {number} has flags {flags:x} at depth {depth}"
            key = self.data[at + 8:at + 8 + key_size]
            start = at + 8 + key_size
            if node_flags & BIG_DATA:
                (overflow,) = struct.unpack_from("<Q", self.data, start)
                head = overflow * self.page_size
                assert struct.unpack_from("<H", self.data, head + 10)[0] & OVERFLOW
                start = head + PAGE_HEADER
            yield number, (key, node_flags, start, start + size)


def live_values(data):
    """Every live value in the file's bytes, and how many of its bytes are in use."""
    file = LMDBFile(data)
    return list(file.values()), file.used_bytes


if __name__ == "__main__":
    with open(sys.argv[1], "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for value in LMDBFile(data).values():
            print(value.table, value.key, value.start, value.end)
