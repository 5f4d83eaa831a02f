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
