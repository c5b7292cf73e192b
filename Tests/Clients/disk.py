"""The disk that loses, fills and breaks (Tests/Storage/storage_faults.c), from Python: configuring a server for it, and giving
the disk back what was not synced when the power went."""

import pathlib
import struct

from preload import library

PAGE = 4096


class Disk:
    """The faults of one folder's disk."""

    def __init__(self, folder, data):
        self.data = pathlib.Path(data) / "data.mdb"
        self.journal, self.control, self.boot_id = folder / "journal", folder / "faults", folder / "boot-id"
        self.boots = 0
        self.reboot()

    def environment(self, die_at=None):
        """What a server needs to run on this disk. With `die_at` the power goes before its nth call to the disk."""
        variables = {"LD_PRELOAD": str(library("storage_faults")), "FAULTS_JOURNAL": str(self.journal),
                     "FAULTS_CONTROL": str(self.control), "FAULTS_BOOT_ID": str(self.boot_id)}
        return {**variables, "FAULTS_DIE_AT": str(die_at)} if die_at else variables

    def fail(self, how):
        """From now on calls fail: `full`, `short`, `broken`, `unsyncable`, or `folders ERRNO`."""
        self.control.write_text(how)

    def die_after(self, calls):
        """The power goes before the nth call from now on."""
        self.control.write_text(f"dying {calls}")

    def heal(self):
        self.control.unlink(missing_ok=True)

    def reboot(self):
        self.boots += 1
        self.boot_id.write_text(f"00000000-0000-0000-0000-{self.boots:012}\n")

    def unsynced(self):
        """(offset, bytes before, size of the file before) of every write in force, oldest first."""
        if not self.journal.exists():
            return []
        journal = self.journal.read_bytes()
        (start,) = struct.unpack_from("<Q", journal)
        entries = []
        inode = self.data.stat().st_ino  # a log that is written anew is another file until it has this name
        while start + 32 <= len(journal):
            file, offset, count, size = struct.unpack_from("<QQQQ", journal, start)
            before = journal[start + 32:start + 32 + count]
            if len(before) < count:
                break  # died within the note, so the write was never made
            if file == inode:
                entries.append((offset, before, size))
            start += 32 + count
        return entries

    def image_after_cut(self, keeps=lambda page: False):
        """The file as the disk has it after the power went: of each page that was written and not synced, what `keeps`
        says is there, and of the others what was there before."""
        image = bytearray(self.data.read_bytes())
        entries = self.unsynced()
        for offset, before, _ in reversed(entries):
            for start in range(offset // PAGE * PAGE, offset + len(before), PAGE):
                if keeps(start // PAGE):
                    continue
                first, last = max(start, offset), min(start + PAGE, offset + len(before))
                image[first:last] = before[first - offset:last - offset]
        if entries and not any(keeps(page) for page in range(entries[0][2] // PAGE, len(image) // PAGE)):
            del image[entries[0][2]:]
        return bytes(image)

    def cut(self, keeps=lambda page: False):
        """The power went; the machine boots again."""
        if self.data.exists():
            image = self.image_after_cut(keeps)
            self.data.write_bytes(image)
        self.journal.unlink(missing_ok=True)
        self.heal()
        (self.data.parent / "lock.mdb").unlink(missing_ok=True)
        self.reboot()
