"""`make site-check`, the part in a browser: every page in headless Chromium, narrow and wide, light and dark."""

from __future__ import annotations

import asyncio
import functools
import json
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from fairnb.errors import FairnbError
from fairnb.publish.site.check import pages

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
NARROW, WIDE = (380, 800), (1280, 900)
SECONDS = 20.0  # for a page, or for the browser to start
TABS = 4  # times that the key is pressed; each time the focus must be seen
CONTRAST = 4.0  # of text to what it stands on; WCAG AA asks 4.5, and ours is rounded
OVERFLOW = "document.scrollingElement.scrollWidth - window.innerWidth"
FOCUS = """(() => { const one = document.activeElement, look = getComputedStyle(one);
  if (one === document.body) return "";
  const seen = (look.outlineStyle !== "none" && parseFloat(look.outlineWidth) > 0) || look.boxShadow !== "none";
  return seen ? "" : one.outerHTML.slice(0, 80); })()"""
# The worst contrast of the article's texts to the nearest background that is painted.
PALE = """(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.03928 ? c / 12.92
    : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (one) => { for (; one; one = one.parentElement) {
    const colour = parse(getComputedStyle(one).backgroundColor);
    if (colour.length === 3 || colour[3] > 0.5) return colour; } return [255, 255, 255]; };
  let worst = [99, ""];
  const texts = ["p", "li", "td", "th", "a:not(.headerlink)", "h1", "h2", "pre", "pre span", "code", "label", "dt"];
  for (const one of document.querySelectorAll(texts.map((name) => `article ${name}`).join(", "))) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !one.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(one).color)), light(behind(one))].sort((x, y) => y - x);
    const found = (a + 0.05) / (b + 0.05);
    if (found < worst[0]) worst = [found, one.outerHTML.slice(0, 80)];
  }
  return worst; })()"""


def chromium() -> str:
    """The path of a Chromium on this machine; empty where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), "")


def check(site: Path) -> tuple[str, list[str]]:
    """Open every page; returns a sentence on what was done, and sentences on what is wrong.

    A page must load everything, say nothing on the console, and not be wider than a telephone; its texts must be seen
    in dark mode, too, and so must the keyboard's focus.
    """
    if not chromium():
        return f"no page was opened: there is none of {', '.join(NAMES)} on this machine", []
    found = pages(site)
    with _served(site) as address, _started() as port:
        faults = asyncio.run(_look(port, [(page, f"{address}/{page.relative_to(site)}") for page in found], site))
    return f"{len(found)} pages opened, narrow and wide, light and dark", faults


@contextmanager
def _served(site: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *said: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _started() -> Iterator[int]:
    """A headless Chromium that lets itself be driven; yields its port."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        options += ["--hide-scrollbars", "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(
            [chromium(), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        try:
            yield _port(process)
        finally:
            process.terminate()
            process.wait(SECONDS)


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("DevTools listening on ws://"):
            threading.Thread(target=process.stderr.read, daemon=True).start()  # so that it can go on talking
            return int(line.split("/")[2].rpartition(":")[2])
    raise FairnbError("Chromium ended before it could be asked anything: start it by hand and see what it says")


class _Tab:
    """A tab of the browser by its DevTools socket: commands, and the events that come meanwhile."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._number, self.events = socket, 0, list[dict[str, Any]]()

    async def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        await self._socket.write_message(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = await self._read()
            if message.get("id") == self._number:
                return message.get("result", {})

    async def value(self, script: str) -> Any:
        found = await self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        return found.get("result", {}).get("value")

    async def go(self, address: str) -> None:
        """Go to a page and wait until it is loaded."""
        self.events.clear()
        await self.ask("Page.navigate", url=address)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            await self._read()

    async def _read(self) -> dict[str, Any]:
        text = await asyncio.wait_for(self._socket.read_message(), SECONDS)
        if text is None:
            raise FairnbError("Chromium closed the page that was being looked at: run `make site-check` again")
        message = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message


async def _tab(port: int) -> _Tab:
    """The tab with which the browser has started."""
    from tornado.httpclient import AsyncHTTPClient
    from tornado.websocket import websocket_connect

    listed = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/json")
    socket = next(one["webSocketDebuggerUrl"] for one in json.loads(listed.body) if one["type"] == "page")
    return _Tab(await websocket_connect(socket, max_message_size=2**26))


async def _look(port: int, chosen: list[tuple[Path, str]], site: Path) -> list[str]:
    tab, faults = await _tab(port), list[str]()
    for domain in ("Page", "Runtime", "Log", "Network"):
        await tab.ask(f"{domain}.enable")
    for page, address in chosen:
        faults += [f"{page.relative_to(site)}: {fault}" for fault in await _seen(tab, address)]
    return faults


async def _seen(tab: _Tab, address: str) -> list[str]:
    """What is wrong with a page."""
    found = list[str]()
    for mode in ("light", "dark"):
        await tab.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": mode}])
        for width, height in (NARROW, WIDE):
            size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
            await tab.ask("Emulation.setDeviceMetricsOverride", **size)
            if (width, height) == NARROW:
                await tab.go(address)
                found += filter(None, map(_said, tab.events))
            if (over := await tab.value(OVERFLOW)) > 0:
                found.append(f"{over} pixels too wide at {width}")
        contrast, where = await tab.value(PALE)
        found += [f"in {mode} mode a contrast of {contrast:.1f}: {where}"] * (contrast < CONTRAST)
    for _ in range(TABS):
        for kind in ("keyDown", "keyUp"):
            await tab.ask("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        if where := await tab.value(FOCUS):
            found.append(f"the keyboard's focus is not seen on {where}")
    return list(dict.fromkeys(found))


def _said(event: dict[str, Any]) -> str:
    """What an event says is wrong; empty where nothing is."""
    method, told = event["method"], event.get("params", {})
    if method == "Runtime.exceptionThrown":
        return f"a script failed: {told['exceptionDetails'].get('text', '')}"
    if method == "Runtime.consoleAPICalled" and told["type"] in ("error", "assert"):
        return f"on the console: {told['args'][:1]}"
    if method == "Log.entryAdded" and told["entry"]["level"] == "error":
        return f"on the console: {told['entry']['text']} {told['entry'].get('url', '')}"
    if method == "Network.requestWillBeSent" and not told["request"]["url"].startswith(("http://127.0.0.1", "data:")):
        return f"it asks for {told['request']['url'][:80]}"
    return ""
