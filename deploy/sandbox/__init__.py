"""A stand-in WooCommerce store, for demos and tests only.

On the wire it behaves as a real store did when it was recorded. It keeps everything in memory, and its control routes
need no key.
"""

from deploy.sandbox.sender import SendingOptions
from deploy.sandbox.server import create_sandbox, serving
from deploy.sandbox.store import SandboxStore, StoreOptions

__all__ = ["SandboxStore", "SendingOptions", "StoreOptions", "create_sandbox", "serving"]
