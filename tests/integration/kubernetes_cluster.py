"""A namespace of a real cluster, in which a service account has the exported Role; and a proxy that can be cut."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from partita.workspace.exporting import export_kubernetes
from tests.waiting import wait_until

__all__ = ["Proxy", "TestNamespace", "admin_config", "namespace", "proxied", "wait_until"]


def admin_config() -> Path:
    """The kubeconfig of somebody who may do everything. Skips where there is none."""
    given = os.environ.get("KUBECONFIG", "")
    if not given or not Path(given).is_file():
        pytest.skip("no Kubernetes cluster: see KUBECONFIG")
    return Path(given)


class TestNamespace:
    """A namespace of its own, and the calls of an administrator in it."""

    __test__ = False

    def __init__(self, folder: Path, *, with_accounts: bool = True) -> None:
        from kubernetes import client, config

        self.name = f"partita-test-{secrets.token_hex(4)}"
        self.folder = folder
        self.config = admin_config()
        self.client = config.new_client_from_config(str(self.config))
        self.core, self.batch = client.CoreV1Api(self.client), client.BatchV1Api(self.client)
        self.apps = client.AppsV1Api(self.client)
        self.core.create_namespace({"metadata": {"name": self.name}})
        if not with_accounts:
            return
        made = export_kubernetes(
            folder, [("flows.py:x", {})], name="exported", namespace=self.name, artifacts="s3://bucket/x"
        )
        for file in ("accounts.yaml", "worker-secrets.yaml"):
            for document in yaml.safe_load_all(made["files"][file]):
                self.apply(document)

    def apply(self, document: dict[str, Any]) -> None:
        from kubernetes import client

        group, _, version = document["apiVersion"].rpartition("/")
        kind = document["kind"]
        api = getattr(client, f"{group.split('.')[0].capitalize() or 'Core'}{version.capitalize()}Api", None)
        if api is None:
            api = client.RbacAuthorizationV1Api
        snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind)
        make = getattr(api(self.client), f"create_namespaced{snake}", None)
        if make is not None:
            make(self.name, document)
        else:
            getattr(api(self.client), f"create{snake}")(document)

    def account_config(self, account: str = "exported-engine", server: str = "") -> Path:
        """A kubeconfig with a token of the service account."""
        spec = {"spec": {"audiences": None, "expirationSeconds": 7200}}
        answer = self.core.create_namespaced_service_account_token(account, self.name, spec)
        return self.config_of(answer.status.token, server)

    def config_of(self, token: str, server: str = "") -> Path:
        """A kubeconfig with this token."""
        table = yaml.safe_load(self.config.read_text())
        (cluster,) = (one for one in table["clusters"] if one["name"] == self._context(table)["cluster"])
        if server:
            cluster["cluster"]["server"] = server
        table["users"] = [{"name": "account", "user": {"token": token}}]
        table["contexts"] = [
            {"name": "account", "context": {"cluster": cluster["name"], "user": "account", "namespace": self.name}}
        ]
        table["clusters"], table["current-context"] = [cluster], "account"
        file = self.folder / f"kubeconfig-{secrets.token_hex(4)}"
        file.write_text(yaml.safe_dump(table))
        return file

    @staticmethod
    def _context(table: dict[str, Any]) -> dict[str, Any]:
        (found,) = (one["context"] for one in table["contexts"] if one["name"] == table["current-context"])
        assert isinstance(found, dict)
        return found

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.client.configuration.host)
        return str(parts.hostname), parts.port or 443

    def pods(self) -> list[Any]:
        return list(self.core.list_namespaced_pod(self.name).items)

    def jobs(self) -> list[Any]:
        return list(self.batch.list_namespaced_job(self.name).items)

    def is_empty(self) -> bool:
        return not self.pods() and not self.jobs()

    def close(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where a test was interrupted, those of its marks count no longer
            self.core.delete_namespace(self.name)
        self.client.close()


@pytest.fixture(scope="module")
def namespace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestNamespace]:
    admin_config()
    made = TestNamespace(tmp_path_factory.mktemp("cluster"))
    yield made
    made.close()


class Proxy:
    """Passes bytes on to a server, until it is cut."""

    def __init__(self, address: tuple[str, int] | str, host: str = "127.0.0.1") -> None:
        """
        Args:
            address: host and port of the server, or the path of its socket.
            host: under which the proxy is reached.
        """
        self._address, self._host = address, host
        self.port = 0
        self._listener: socket.socket | None = None
        self._open: list[socket.socket] = []
        self.heal()

    @property
    def url(self) -> str:
        return f"https://{self._host}:{self.port}"

    def heal(self) -> None:
        self._listener = listener = socket.create_server((self._host, self.port))
        self.port = listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Whoever is connected is cut off, and nobody can connect."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = self._connect()
                self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _connect(self) -> socket.socket:
        if not isinstance(self._address, str):
            return socket.create_connection(self._address)
        far = socket.socket(socket.AF_UNIX)
        far.connect(self._address)
        return far

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def proxied(space: TestNamespace) -> Iterator[Proxy]:
    proxy = Proxy(space.address)
    yield proxy
    proxy.cut()
