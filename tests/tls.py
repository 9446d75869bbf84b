"""A Redis behind TLS: a proxy with a certificate from a CA created for the test forwards every byte."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import trustme

PIECE = 65536


class Authority:
    """A CA, its file, and the certificates that it issues."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self._folder = folder
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.file)

    def server_context(self, *names: str, wants_client: bool = False) -> ssl.SSLContext:
        """Return a server's context, with a certificate for the names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names).configure_cert(context)
        if wants_client:
            self._ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client_files(self) -> tuple[Path, Path]:
        """Return the files of a client certificate and its key."""
        issued = self._ca.issue_cert("client@writing.example")
        certificate, key = self._folder / "client.pem", self._folder / "client.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(key)
        return certificate, key


@contextmanager
def tls_in_front(redis_url: str, context: ssl.SSLContext) -> Iterator[str]:
    """Put TLS in front of a Redis; yield the URL."""
    address = urlsplit(redis_url)
    backend = (address.hostname, address.port)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=_hand_on, args=(client, backend, context), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"rediss://:{address.password}@127.0.0.1:{listener.getsockname()[1]}/0"
        listener.shutdown(socket.SHUT_RDWR)


def _hand_on(client: socket.socket, backend: tuple[str, int], context: ssl.SSLContext) -> None:
    try:
        encrypted = context.wrap_socket(client, server_side=True)
    except OSError:
        client.close()
        return
    with suppress(OSError), encrypted, socket.create_connection(backend) as plain:
        answers = threading.Thread(target=_copy, args=(plain, encrypted), daemon=True)
        answers.start()
        _copy(encrypted, plain)
        answers.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
