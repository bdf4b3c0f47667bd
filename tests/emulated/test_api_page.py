"""The page to browse the API comes from this machine alone and reaches the running API."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from harness.processes import unused_port
from harness.system import REPOSITORY, RunningSystem
from tests.emulated.storefront import wait_for


@pytest.fixture
def page(system: RunningSystem) -> Iterator[httpx.Client]:
    port = unused_port()
    command = [sys.executable, "-m", "harness.api_page", str(port)]
    process = subprocess.Popen(command, env=system.environment(), cwd=REPOSITORY)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            wait_for("the page to answer", lambda: answers(client), 20)
            yield client
    finally:
        process.terminate()
        process.wait(10)


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/").status_code == 200
    except httpx.TransportError:
        return False


def test_the_page_needs_nothing_from_elsewhere(page: httpx.Client) -> None:
    html = page.get("/").text

    assert "http://" not in html
    assert "https://" not in html
    for asset in ("swagger-ui.css", "swagger-ui-bundle.js"):
        assert f"/assets/{asset}" in html
        assert page.get(f"/assets/{asset}").status_code == 200
    assert page.get("/assets/../harness/system.py").status_code == 404


def test_the_document_leads_through_the_page_to_the_running_api(
    page: httpx.Client, system: RunningSystem
) -> None:
    document = page.get("/openapi.json").json()
    assert document["servers"] == [{"url": "/api"}]
    assert "/offers/recommend" in document["paths"]

    served = page.post("/api/offers/recommend", json={"user_id": "USER001"})
    refused = page.get("/api/offers")
    listed = page.get("/api/offers", headers={"X-API-Key": system.api_key})

    assert [served.status_code, refused.status_code, listed.status_code] == [200, 403, 200]
    assert served.json()["user_id"] == "USER001"
    assert refused.headers["content-type"] == "application/problem+json"
