"""Send packets on a thread of their own: whoever makes them never waits, and never hears of it."""

import os
import socket
import threading
from collections import deque
from dataclasses import dataclass, field

from .packets import Place, check_host, prepare_packet, send_in_pieces
from .sampling import Sample

MOST_PACKETS = 256
MOST_BYTES = 64 << 20
"""What waits to be sent; what finds no room is dropped."""

_CONNECT_S = 1.0
_SEND_S = 5.0
_AGAIN_S = 0.5  # after nobody was there
# So long a connection is kept that nothing is sent over: the listener may want to serve others.
_UNUSED_S = 0.5


@dataclass
class Counts:
    """What became of packets.

    Attributes:
        queued: They found room.
        sent: The system took all of their bytes.
        dropped: They found no room, or could not be sent to the end.
    """

    queued: int = 0
    sent: int = 0
    dropped: int = 0


@dataclass
class Sender:
    """A queue, and the thread that empties it.

    After a fork the child has an empty queue and a session of its own.

    Attributes:
        host: Of the listener.
        port: Of the listener.
        counts: Of this session.
        session: 16 bytes by which the listener tells it from others.
    """

    host: str
    port: int
    counts: Counts = field(default_factory=Counts)
    session: bytes = field(default_factory=lambda: os.urandom(16))

    def __post_init__(self) -> None:
        check_host(self.host)
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Place, Sample]] = deque()
        self._bytes = 0
        self._closing = False
        self._given_up = False
        self._thread: threading.Thread | None = None
        self._connection: socket.socket | None = None

    def put(self, sample: Sample) -> bool:
        """Queue a packet; whether there was room."""
        with self._changed:
            room = len(self._waiting) < MOST_PACKETS and self._bytes + sample.nbytes <= MOST_BYTES
            if not room or self._closing:
                self.counts.dropped += 1
                return False
            place = Place(self.session, self.counts.queued, self.counts.dropped)
            self._waiting.append((place, sample))
            self._bytes += sample.nbytes
            self.counts.queued += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="assay audit", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return True

    def close(self, within: float) -> None:
        """Send what is left, for so many seconds at most, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            thread = self._thread
        if thread is None:
            return
        thread.join(within)
        if thread.is_alive():
            with self._changed:
                self._given_up = True
                if self._connection is not None:
                    # Wakes it up where it waits for the other side.
                    self._connection.close()
                self._changed.notify_all()
            thread.join(_CONNECT_S)
        with self._changed:
            self.counts.dropped += len(self._waiting)
            self._waiting.clear()
            self._bytes = 0

    def begin_anew(self) -> None:
        """In the child of a fork: nothing of the parent's is sent twice."""
        self.counts = Counts()
        self.session = os.urandom(16)
        self.__post_init__()

    def _run(self) -> None:
        try:
            while True:
                with self._changed:
                    if not self._waiting and not self._closing:
                        self._changed.wait(_UNUSED_S)
                    if not self._waiting:
                        if self._closing:
                            return
                        idle = True
                    else:
                        idle = False
                        place, sample = self._waiting[0]
                if idle:
                    self._disconnect()
                elif not self._sent(place, sample):
                    return
        finally:
            self._disconnect()

    def _sent(self, place: Place, sample: Sample) -> bool:
        """Send the first packet; False: nobody is there any more, and nobody waits for one."""
        if not self._connected():
            with self._changed:
                if self._closing or self._given_up:
                    return False
                self._changed.wait(_AGAIN_S)
            return True
        whole = self._send(place, sample)
        with self._changed:
            if not self._waiting:
                return False  # given up, and counted with what waited
            self._waiting.popleft()
            self._bytes -= sample.nbytes
            if whole:
                self.counts.sent += 1
            else:
                # Part of it may have come: it is not sent again, or it would come twice.
                self.counts.dropped += 1
            return not self._given_up

    def _connected(self) -> bool:
        if self._connection is not None and _has_ended(self._connection):
            self._disconnect()
        if self._connection is None:
            try:
                connection = socket.create_connection((self.host, self.port), _CONNECT_S)
            except OSError:
                return False
            connection.settimeout(_SEND_S)
            with self._changed:
                self._connection = connection
        return True

    def _send(self, place: Place, sample: Sample) -> bool:
        connection = self._connection
        if connection is None:
            return False
        try:
            sample.arrived()
            for part in prepare_packet(sample.a, sample.c, sample.sampled, place, sample.b):
                send_in_pieces(connection, part)
        except Exception:  # whatever it is, the model must not hear of it
            self._disconnect()
            return False
        return True

    def _disconnect(self) -> None:
        with self._changed:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _has_ended(connection: socket.socket) -> bool:
    """Whether the other side has gone away, which never says a word."""
    before = connection.gettimeout()
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(before)
