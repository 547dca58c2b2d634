"""The authority of this installation: a root, issuers of both families, the server's own."""

from voltkeep.config import Settings


class CertificateAuthority:
    """`services.authority.Authority`, over keys that were handed to it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
