"""A real browser for the tests of pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

_FLAGS = ["--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-component-update"]


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """This machine's Chromium, or playwright's own; the test is skipped where there is none or Playwright itself does
    not run (its Node.js lacks libraries on the smallest systems), unless NEWSDESK_REQUIRE_BROWSER=1."""
    found = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
    driver = async_playwright()
    try:
        playwright = await driver.start()
        browser = await playwright.chromium.launch(executable_path=found, args=[*_FLAGS, "--disable-sync"])
    except Exception as error:  # a driver that does not run is a plain one
        if os.environ.get("NEWSDESK_REQUIRE_BROWSER") == "1":
            raise
        pytest.skip(f"no Chromium for the pages: {str(error).splitlines()[0]}")
    yield browser
    await browser.close()
    await playwright.stop()
