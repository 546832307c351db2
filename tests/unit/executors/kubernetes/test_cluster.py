"""Which cluster is spoken to, and as whom."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from partita.executors.kubernetes import cluster as module
from partita.executors.kubernetes.cluster import Cluster
from partita.executors.kubernetes.refusals import ApiError
from tests.unit.executors.kubernetes.api_server import Server


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    return tmp_path / "ca.crt"


@pytest.fixture
def server(authority: Path) -> Iterator[Server]:
    """Over TLS, with a certificate of its own authority."""
    own, made = trustme.CA(), Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.issue_cert("127.0.0.1").configure_cert(context)
    own.cert_pem.write_to_path(str(authority))
    made.socket = context.wrap_socket(made.socket, server_side=True)
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def kubeconfig(file: Path, server: Server, authority: Path) -> None:
    """Two contexts, of which `prices` is the current one."""
    file.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "prices",
        "clusters": [{"name": "x", "cluster": {
            "server": f"https://127.0.0.1:{server.server_port}", "certificate-authority": str(authority),
        }}],
        "users": [{"name": name, "user": {"token": f"token-of-{name}"}} for name in ("prices", "others")],
        "contexts": [
            {"name": name, "context": {"cluster": "x", "user": name, **({"namespace": name} if name == "prices" else {})}}
            for name in ("prices", "others")
        ],
    }))  # fmt: skip


def path_of(server: Server) -> str:
    return server.calls[-1][1]


def test_the_kubeconfig_says_where_and_who(
    server: Server, authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig(tmp_path / "config", server, authority)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    Cluster().list_jobs("a=b")
    assert path_of(server) == "/apis/batch/v1/namespaces/prices/jobs" and server.tokens[-1] == "Bearer token-of-prices"
    Cluster("others").list_jobs("a=b")
    assert path_of(server) == "/apis/batch/v1/namespaces/default/jobs" and server.tokens[-1] == "Bearer token-of-others"
    Cluster("others", "mine").list_jobs("a=b")
    assert path_of(server) == "/apis/batch/v1/namespaces/mine/jobs"


@pytest.fixture
def account(server: Server, authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which a pod finds its service account."""
    from kubernetes.config import incluster_config

    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text("token-of-the-pod")
    (folder / "namespace").write_text("of-the-pod\n")
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(folder / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(authority))
    monkeypatch.setattr(module, "_ACCOUNT", folder / "namespace")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.server_port))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    return folder


def test_inside_a_cluster_the_service_account_says_where_and_who(server: Server, account: Path) -> None:
    Cluster().list_jobs("a=b")
    assert path_of(server) == "/apis/batch/v1/namespaces/of-the-pod/jobs"
    assert server.tokens[-1].lower() == "bearer token-of-the-pod"


def test_a_kubeconfig_inside_a_cluster_comes_first(
    server: Server, authority: Path, account: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig(tmp_path / "config", server, authority)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    Cluster().list_jobs("a=b")
    assert server.tokens[-1] == "Bearer token-of-prices"


def test_credentials_that_are_not_accepted_are_read_anew(server: Server, account: Path) -> None:
    cluster = Cluster()
    server.refuse(401, "Unauthorized")
    with pytest.raises(ApiError) as error:
        cluster.list_jobs("a=b")
    assert error.value.status == 401
    (account / "token").write_text("renewed")
    cluster.list_jobs("a=b")
    assert server.tokens[-1].lower() == "bearer renewed"


def test_a_server_of_another_authority_is_not_spoken_to(
    server: Server, authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig(tmp_path / "config", server, authority)
    trustme.CA().cert_pem.write_to_path(str(authority))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(ApiError, match=r"(?i)certificate") as error:
        Cluster().list_jobs("a=b")
    assert error.value.status == 0 and not server.calls


@pytest.mark.parametrize("text", ["", "{", "clusters: []\n", "[1, 2]"])
def test_a_kubeconfig_that_is_none_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ApiError, match="KUBECONFIG"):
        Cluster().list_jobs("a=b")
