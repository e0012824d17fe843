"""A browser without a screen, driven through its DevTools protocol over a pair of pipes: no port, no driver."""

import base64
import json
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

_FLAGS = (
    "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
_WAIT_S = 60


class Browser:
    """One tab."""

    def __init__(self, write: int, read: int):
        self._write, self._numbers, self._answers = write, iter(range(1, 10**9)), Queue()
        self.events: list[dict[str, Any]] = []
        """What the tab reported since it was opened or last visited a page."""
        threading.Thread(target=self._listen, args=(read,), daemon=True).start()
        target = self._call("Target.createTarget", None, url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", None, targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol on the tab and return its result."""
        return self._call(method, self._session, **parameters)

    def visit(self, page: Path, width: int = 1440, height: int = 900, *, dark: bool = False, media: str = "") -> None:
        """Open a page in a window of a width, and wait until it is loaded."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        deadline = time.monotonic() + _WAIT_S
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{page}: not loaded in {_WAIT_S} s")
            time.sleep(0.01)

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression in the page, awaited if it is a promise."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise AssertionError(found["exceptionDetails"])
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key such as `Tab` or `Enter`."""
        codes = {"Tab": 9, "Enter": 13}
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key], **text)
            text = {}

    def complaints(self) -> list[str]:
        """Return what went to the console or was thrown since the last visit."""
        said = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(event["params"])[:500] for event in self.events if event["method"] in said]

    def requests(self) -> list[str]:
        """Return the addresses that the page asked for since the last visit."""
        return [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]

    def screenshot(self, path: Path, selector: str = "") -> None:
        """Save a picture of the whole page, or of the first element that matches."""
        box = self.evaluate(f"""(() => {{
            const it = document.querySelector({json.dumps(selector or "html")}), box = it.getBoundingClientRect();
            return [box.x + scrollX, box.y + scrollY, Math.max(box.width, 1), Math.max(box.height, it.scrollHeight, 1)];
        }})()""")
        clip = dict(zip(("x", "y", "width", "height"), box, strict=True), scale=1)
        shot = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def print(self, path: Path) -> None:
        """Print the page into a PDF."""
        path.write_bytes(base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"]))

    def _call(self, method: str, session: str | None, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            try:
                answer = self._answers.get(timeout=_WAIT_S)
            except Empty:
                raise TimeoutError(f"{method}: no answer from the browser in {_WAIT_S} s") from None
            if answer["id"] == number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]

    def _listen(self, read: int) -> None:
        with os.fdopen(read, "rb") as stream:
            rest = b""
            while chunk := stream.read1(1 << 20):
                *messages, rest = (rest + chunk).split(b"\0")
                for message in map(json.loads, messages):
                    if "id" in message:
                        self._answers.put(message)
                    else:
                        self.events.append(message)


@contextmanager
def browse(program: str) -> Iterator[Browser]:
    """Start a browser, and end it when the block is left."""
    # The browser reads commands from its descriptor 3 and answers on 4; a shell moves ours there.
    commands_out, commands_in = os.pipe()
    answers_out, answers_in = os.pipe()
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="hydrarec-browser-", ignore_cleanup_errors=True) as profile:
        command = [program, *_FLAGS, *sandbox, f"--user-data-dir={profile}", "about:blank"]
        moved = ["bash", "-c", f'exec 3<&{commands_out} 4>&{answers_in}; exec "$@"', "bash", *command]
        process = subprocess.Popen(
            moved, pass_fds=(commands_out, answers_in), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(commands_out)
        os.close(answers_in)
        try:
            yield Browser(commands_in, answers_out)
        finally:
            process.terminate()
            process.wait(30)
            os.close(commands_in)
