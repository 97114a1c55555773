"""``trainer.debug=true``: wait for a debugger before the run starts."""

from __future__ import annotations

from guerdon.errors import ConfigError


def wait_for_debugger(port: int) -> None:
    """Open debugpy on loopback and block until a client attaches.

    Raises:
        ConfigError: debugpy is not installed, or the port is taken.
    """
    try:
        import debugpy
    except ImportError as error:
        raise ConfigError(
            "trainer.debug=true needs debugpy; pip install 'guerdon[debug]'"
        ) from error
    try:
        debugpy.listen(("127.0.0.1", port))
    except (RuntimeError, OSError) as error:
        raise ConfigError(
            f"trainer.debug_port {port} cannot be opened on 127.0.0.1 ({error}); choose another"
        ) from error
    print(f"waiting for a debugger on 127.0.0.1:{port}", flush=True)
    debugpy.wait_for_client()
