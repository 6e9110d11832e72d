"""Makes the unmodified Globus CLI use a key of the local stack.

The CLI insists on a login at Globus. With a client's id and secret in its environment it takes the
token that it has stored for that client until it expires: here that token is a key of ours, in a
home folder of its own, so that nothing of the user's own logins is touched.
"""

import time
from pathlib import Path
from types import SimpleNamespace

from globus_sdk.scopes import SearchScopes
from globus_sdk.token_storage.legacy import SQLiteAdapter

CLIENT_ID = "6e0aa200-11ce-4000-8000-0000000000c1"
LIFETIME_SECONDS = 10 * 365 * 86_400
NEWEST_CONTRACT = 1_000  # the CLI's own numbering of what its tokens must cover


def prepare_home(home: Path, key: str, url: str) -> dict[str, str]:
    """Stores `key` in `home` and returns the variables under which `globus` uses it."""
    folder = home / ".globus" / "cli"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "storage.db").unlink(missing_ok=True)
    storage = SQLiteAdapter(
        str(folder / "storage.db"), namespace=f"clientprofile/production/{CLIENT_ID}"
    )
    server = SearchScopes.resource_server
    token = {
        "resource_server": server,
        "access_token": key,
        "scope": str(SearchScopes.all),
        "refresh_token": None,
        "token_type": "Bearer",
        "expires_at_seconds": int(time.time()) + LIFETIME_SECONDS,
    }
    storage.store(SimpleNamespace(by_resource_server={server: token}))  # type: ignore[arg-type]
    storage.store_config("scope_contract_versions", {server: NEWEST_CONTRACT})
    storage.close()
    return {
        "HOME": str(home),
        "GLOBUS_CLI_CLIENT_ID": CLIENT_ID,
        "GLOBUS_CLI_CLIENT_SECRET": "unused",
        "GLOBUS_SDK_SERVICE_URL_SEARCH": f"{url}/",
    }
