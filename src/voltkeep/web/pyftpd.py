"""pyftpdlib, which on Python 3.11 still builds on what the standard library has deprecated."""

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", r"The async[a-z]+ module", DeprecationWarning)
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.exceptions import AuthenticationFailed
    from pyftpdlib.filesystems import AbstractedFS
    from pyftpdlib.handlers import TLS_FTPHandler
    from pyftpdlib.handlers.ftps.data import TLS_DTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer

__all__ = [
    "AbstractedFS",
    "AuthenticationFailed",
    "DummyAuthorizer",
    "FTPServer",
    "IOLoop",
    "TLS_DTPHandler",
    "TLS_FTPHandler",
]
