"""Drive a real Chromium as a person does: pages, clicks and keys, over the DevTools protocol."""
import contextlib
import itertools
import json
import subprocess
import urllib.request

import websocket

from waiting import until

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--window-size=1280,900", "--remote-debugging-port=0"]

BARRIERS = """(() => {
    const found = [];
    const parts = color => color.match(/[\\d.]+/g).map(Number);
    const light = color => parts(color).slice(0, 3).map(one => one / 255)
        .map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
        .reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
    const behind = node => {
        for (; node; node = node.parentElement) {
            const color = getComputedStyle(node).backgroundColor;
            if (parts(color)[3] !== 0) return color;
        }
        return "rgb(255, 255, 255)";
    };
    for (const node of document.body.querySelectorAll("*")) {
        const text = [...node.childNodes].filter(one => one.nodeType == 3)
            .map(one => one.data.trim()).join("");
        if (!(text || node.matches("input")) || !node.getClientRects().length
            || node.matches("script, option")) continue;
        const [low, high] = [getComputedStyle(node).color, behind(node)].map(light)
            .sort((a, b) => a - b);
        const contrast = (high + 0.05) / (low + 0.05);
        if (contrast < 4.5) found.push(`contrast ${contrast.toFixed(1)}: ${text || node.name}`);
    }
    for (const field of document.querySelectorAll("input, select, textarea"))
        if (!field.labels.length) found.push(`no label: ${field.name || field.id}`);
    for (const cell of document.querySelectorAll("th:not([scope])"))
        found.push(`no scope: ${cell.textContent}`);
    return [...new Set(found)];
})()"""


@contextlib.contextmanager
def page(browser, address, profile):
    """Open `address` in a new browser with an empty `profile` folder; gives a Page."""
    process = subprocess.Popen([browser, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        port = until(lambda: _port(profile), "the browser's DevTools port comes")
        targets = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list"))
        target = next(target for target in targets if target["type"] == "page")
        opened = Page(target["webSocketDebuggerUrl"])
        opened.send("Page.enable")
        opened.send("Page.navigate", url=address)
        yield opened
        opened.socket.close()
    finally:
        process.terminate()
        process.wait(timeout=30)


def _port(profile):
    file = profile / "DevToolsActivePort"
    return file.read_text().split()[0] if file.exists() else None


class Page:
    """One tab."""

    def __init__(self, url):
        self.socket = websocket.create_connection(url, suppress_origin=True, timeout=60)
        self.numbers = itertools.count(1)

    def send(self, method, **parameters):
        """One DevTools command; returns its result."""
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def ask(self, expression):
        """Evaluate JavaScript in the page and return its value."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        assert "exceptionDetails" not in result, f"{expression}: {result['exceptionDetails']}"
        return result["result"].get("value")

    def click(self, selector, text=""):
        """Click in the middle of the first visible element whose text starts with `text`."""
        find = f"""(() => {{
            for (const node of document.querySelectorAll({json.dumps(selector)})) {{
                const box = node.getBoundingClientRect();
                if (box.width && node.textContent.trim().startsWith({json.dumps(text)}))
                    return [box.x + box.width / 2, box.y + box.height / 2];
            }}
            return null; }})()"""
        x, y = until(lambda: self.ask(find), f"{selector} {text!r} is there to click on")
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left",
                      clickCount=1)

    def show(self, width, dark=False):
        """Show the page in a window of so many pixels, in the colours of the day or the night."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=900,
                  deviceScaleFactor=1, mobile=width < 600)
        self.send("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def barriers(self):
        """What keeps people from reading or using the page, in words: texts with a contrast below
        4.5 (WCAG 2.2, 1.4.3), fields without a label, header cells without a scope."""
        return self.ask(BARRIERS)

    def press(self, *keys):
        """Press keys one after the other: characters, "Tab", "Enter", "Escape"."""
        for key in keys:
            code = {"Tab": 9, "Enter": 13, "Escape": 27}.get(key, 0)
            text = {"Tab": "", "Enter": "\r", "Escape": ""}.get(key, key)
            self.send("Input.dispatchKeyEvent", type="keyDown", key=key, text=text,
                      windowsVirtualKeyCode=code)
            self.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def screenshot(self, path):
        """Keep what the page looks like now as a PNG file."""
        import base64
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot")["data"]))
