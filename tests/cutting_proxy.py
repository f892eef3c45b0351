"""A TCP proxy that cuts connections, or damages what they carry: after so many bytes in one direction, so many times.

Then it lets all through.
"""

import socket
import threading
from typing import Self

BLOCK_BYTES = 65_536


class CuttingProxy:
    """Stands before a server of this machine.

    cuts: how many connections are cut. after_bytes: how much a connection may carry before. upwards: count what the
    client sends, else what the server answers. damage: change a byte instead of cutting.
    """

    def __init__(self, port: int, *, cuts: int, after_bytes: int, upwards: bool, damage: bool = False) -> None:
        self._port = port
        self.cuts_left = cuts
        self._after_bytes = after_bytes
        self._upwards = upwards
        self._damage = damage
        self._counting = threading.Lock()  # the parts of an upload come on several connections at once
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            for source, sink, counted in ((client, server, self._upwards), (server, client, not self._upwards)):
                threading.Thread(target=self._carry, args=(source, sink, counted), daemon=True).start()

    def _cuts(self) -> bool:
        """Whether it is this connection's turn."""
        with self._counting:
            if not self.cuts_left:
                return False
            self.cuts_left -= 1
            return True

    def _carry(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        carried = 0
        try:
            while block := source.recv(BLOCK_BYTES):
                carried += len(block)
                if counted and carried > self._after_bytes and self._cuts():
                    if not self._damage:
                        break
                    block = bytes([block[0] ^ 1]) + block[1:]
                    counted = False  # once a connection
                sink.sendall(block)
        except OSError:
            pass  # the other direction was cut
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
            end.close()
