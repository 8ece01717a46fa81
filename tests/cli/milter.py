"""A milter that edits mail which asks for it, so that cleanup(8) leaves jumps in envelope and content.

The Sendmail milter protocol, version 6: packets of a length (4 octets, big-endian), a command and its data.
"""

import socketserver
import struct
import threading
from types import TracebackType
from typing import Self

ASKS = b"X-Edit"
"""The header of mail that is to be edited."""

# SMFIF_ADDHDRS, CHGBODY, ADDRCPT, DELRCPT, CHGHDRS, CHGFROM
ACTIONS = 0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x40
# SMFIP_NOCONNECT, NOHELO, NOMAIL, NORCPT, NOBODY, NOEOH, NOUNKNOWN, NODATA: headers and the end are enough.
LEFT_OUT = 0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x40 | 0x100 | 0x200

EDITS = (
    (b"e", b"<edited@example.com>\0"),
    (b"+", b"<added@b.example>\0"),
    (b"-", b"<removed@example.org>\0"),
    (b"m", struct.pack("!I", 1) + b"Subject\0a subject that is longer than the one it stands for\0"),
    (b"i", struct.pack("!I", 0) + b"X-First\0inserted above everything\0"),
    (b"h", b"X-Last\0" + b"added below " * 40 + b"\0"),
    (b"b", b"another body\r\n" * 300),
)
CONTINUE = (b"c", b"")


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        asked = False
        while head := self.rfile.read(5):
            size, command = struct.unpack("!Ic", head)
            data = self.rfile.read(size - 1)
            match command:
                case b"O":
                    self.send(b"O", struct.pack("!III", 6, ACTIONS, LEFT_OUT))
                case b"L":
                    asked = asked or data.startswith(ASKS + b"\0")
                    self.send(*CONTINUE)
                case b"E":
                    for edit in EDITS if asked else ():
                        self.send(*edit)
                    self.send(*CONTINUE)
                    asked = False
                case b"A":
                    asked = False
                case b"Q":
                    return

    def send(self, command: bytes, data: bytes) -> None:
        self.wfile.write(struct.pack("!I", len(data) + 1) + command + data)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


class Milter:
    """Listens on a loopback port between `__enter__` and `__exit__`."""

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Session)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
