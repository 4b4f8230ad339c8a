"""A stand-in WooCommerce store: behaves on the wire as a real one did when it was recorded.

For demos and tests only. It keeps everything in memory, and its control routes ask for no key.
"""

from deploy.sandbox.sender import SendingOptions
from deploy.sandbox.server import create_sandbox, serving
from deploy.sandbox.store import SandboxStore, StoreOptions

__all__ = ["SandboxStore", "SendingOptions", "StoreOptions", "create_sandbox", "serving"]
