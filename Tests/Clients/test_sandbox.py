"""In a sandbox that forbids parts of io_uring the fan-out goes on, and one line says how."""

import ctypes
import errno
import struct

import pytest

from reprise import TEXT, message

SETUP, ENTER = 425, 426  # numbers of system calls; the same on every architecture


def forbid(number, error):
    """What `Popen` is to be given for a process whose calls of `number` fail (seccomp(2), BPF)."""
    load, equal, answer = 0x20, 0x15, 0x06
    program = b"".join(struct.pack("HBBI", *line) for line in [
        (load, 0, 0, 0),  # the number of the call
        (equal, 0, 1, number), (answer, 0, 0, 0x50000 | error), (answer, 0, 0, 0x7FFF0000)])
    filter = ctypes.create_string_buffer(program, len(program))
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(filter)))
    library = ctypes.CDLL(None, use_errno=True)

    def apply(filter=filter):  # which it keeps alive
        for arguments in ((38, 1, 0, 0, 0), (22, 2, ctypes.c_void_p(ctypes.addressof(head)), 0, 0)):
            if library.prctl(*arguments):
                raise OSError(ctypes.get_errno(), "prctl")

    return {"preexec_fn": apply}


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOSYS, errno.EINVAL], ids=errno.errorcode.get)
@pytest.mark.parametrize("call", [SETUP, ENTER], ids=["setup", "enter"])
def test_without_io_uring_everybody_gets_everything(serve, call, error):
    server = serve("--verbose", "--loops", "2", user=forbid(call, error))
    clients = [server.raw() for _ in range(40)]
    for number in range(3):
        clients[number].send_frame(TEXT, message(number))
        assert [client.receive_text() for client in clients] == [str(number)] * 40
    for client in clients:
        client.close()
    assert server.stderr.count("io_uring") == 1
    assert "sends leave one by one" in server.stderr
