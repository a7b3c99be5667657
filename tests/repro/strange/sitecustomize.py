"""Makes every Python process of a build live at another time and without a network.

Python imports a module of this name when it starts, if it finds one on its path.

``CLOCK_SHIFT``: by how many seconds the clock is ahead.
``NO_NETWORK``: a file to which each attempt to leave this machine is written; the
attempt fails.
"""

import datetime
import functools
import ipaddress
import os
import sys
import time

SHIFT = float(os.environ.get("CLOCK_SHIFT", "0"))
LOG = os.environ.get("NO_NETWORK", "")


def shift_clock(shift: float) -> None:
    """Let all clocks that tell the date be ahead; those that measure stay."""
    real_time, real_ns = time.time, time.time_ns
    time.time = lambda: real_time() + shift
    time.time_ns = lambda: real_ns() + int(shift * 1e9)

    def at_or_now(real, at=None):
        return real(time.time() if at is None else at)

    for name in ("localtime", "gmtime", "ctime"):
        # Not a function: as an attribute of a class, it would become a method.
        setattr(time, name, functools.partial(at_or_now, getattr(time, name)))
    real_strftime = time.strftime
    time.strftime = lambda form, at=None: real_strftime(form, at or time.localtime())

    def instance_check(real):
        return type(
            "Meta", (type,), {"__instancecheck__": lambda _, x: isinstance(x, real)}
        )

    real_datetime, real_date = datetime.datetime, datetime.date
    delta = datetime.timedelta(seconds=shift)

    class Datetime(real_datetime, metaclass=instance_check(real_datetime)):
        now = classmethod(lambda cls, tz=None: real_datetime.now(tz) + delta)
        today = classmethod(lambda cls: real_datetime.today() + delta)
        utcnow = classmethod(
            lambda cls: (real_datetime.now(datetime.UTC) + delta).replace(tzinfo=None)
        )

    class Date(real_date, metaclass=instance_check(real_date)):
        today = classmethod(lambda cls: (real_datetime.today() + delta).date())

    # Objects that C code has made name these classes when they are pickled.
    for shifted, name in ((Datetime, "datetime"), (Date, "date")):
        shifted.__name__ = shifted.__qualname__ = name
        shifted.__module__ = "datetime"
        setattr(datetime, name, shifted)


def stays_here(host: object) -> bool:
    """Tell whether an address is this machine's own."""
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    try:
        address = ipaddress.ip_address(
            host.decode() if isinstance(host, bytes) else host
        )
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def watch(event: str, arguments: tuple) -> None:
    """Refuse what would leave the machine."""
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        # A Unix socket has a path in place of a pair.
        host = address[0] if isinstance(address, tuple) else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if not stays_here(host):
        with open(LOG, "a", encoding="utf-8") as log:
            print(event, host, sys.argv[:1], file=log)
        raise OSError(f"there is no network: {host}")


if SHIFT:
    shift_clock(SHIFT)
if LOG:
    sys.addaudithook(watch)
