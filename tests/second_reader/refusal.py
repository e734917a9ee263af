"""What every layer raises when an object is not taken in."""


class Refused(Exception):
    """An object is refused. The code says why; no value of the object is kept, so that none can be printed."""

    def __init__(self, code: str, cause: str | None = None) -> None:
        super().__init__(code if cause is None else f"{code} ({cause})")
        self.code = code
        self.cause = cause

    @property
    def outcome(self) -> str:
        """A later format or a division younger than the tables may be good: nobody can tell here."""
        return "undetermined" if self.code in ("UNSUPPORTED_VERSION", "DIVISION_UNKNOWN") else "reject"
