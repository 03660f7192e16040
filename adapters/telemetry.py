"""Logs: one JSON object a line (or plain text for people), with the fields that a record carries.

What must never be in a log is never put into `extra`: prompts, tokens, passwords, card data.
"""

import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_encode = msgspec.json.Encoder(enc_hook=str).encode
Row = tuple[float, str, Callable[[], Mapping[str, Any]]]


class Batch:
    """Many lines in one record, which is much cheaper than a record for each: `log.info(Batch(rows))`.

    A row is the Unix time, the message and what gives the fields of its line, which only JSON has.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows

    def __str__(self) -> str:
        return "\n".join(message for _, message, _ in self.rows)


class JsonLines(logging.Formatter):
    """`time`, `level`, `logger`, `message`, then the record's own fields, then the trace of an exception."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; of a batch, one line a row."""
        if isinstance(record.msg, Batch):
            return "\n".join([_json(record, at, message, fields()) for at, message, fields in record.msg.rows])
        own = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            own["trace"] = self.formatException(record.exc_info)
        return _json(record, record.created, record.getMessage(), own)


def _json(record: logging.LogRecord, at: float, message: str, fields: Mapping[str, Any]) -> str:
    line = {
        "time": datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": message,
        **fields,
    }
    return _encode(line).decode()


class TextLines(logging.Formatter):
    """Time of day, level, logger, message: for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """One line; of a batch, one line a row."""
        if not isinstance(record.msg, Batch):
            return super().format(record)
        clock = {at: time.strftime("%H:%M:%S", time.localtime(at)) for at in {int(at) for at, _, _ in record.msg.rows}}
        middle = f" {record.levelname:<7} {record.name}: "
        return "\n".join([f"{clock[int(at)]}{middle}{message}" for at, message, _ in record.msg.rows])


def formatter(layout: str) -> logging.Formatter:
    """The one of a layout, json or text."""
    return JsonLines() if layout == "json" else TextLines()


def configure_logging(level: str, layout: str) -> None:
    """Send all logs to standard error, `layout` json or text."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(layout))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
