"""Headless Chromium for page_test.py: sizes, colour scheme, waiting, logs, axe."""

import json
import pathlib
import urllib.parse

import axe_core_python.base
import axe_selenium_python.axe
from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

AXE_SCRIPTS = [
    pathlib.Path(axe_core_python.base.AXE_FILE_PATH).read_text(encoding="utf-8"),
    pathlib.Path(axe_selenium_python.axe._DEFAULT_SCRIPT).read_text(encoding="utf-8"),  # pylint: disable=protected-access
]


class Browser:
    """One tab on the page of the server at `url`."""

    def __init__(self, url, chromium, driver, patience_seconds):
        self.url = url.rstrip("/")
        self.patience_seconds = patience_seconds
        options = Options()
        options.binary_location = chromium
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
                         "--disable-background-networking", "--disable-component-update", "--disable-features=Translate"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(driver))
        self.driver.set_script_timeout(60)
        self.requested = []  # every URL that the page asked for
        self.console = []  # what the console said: errors and warnings
        self.screenshot_folder = None

    def quit(self):
        self.driver.quit()

    # The window

    def look(self, width=1280, height=860, dark=False):
        """Size and colour scheme. Motion is reduced: a screenshot or a contrast in mid-animation tells nothing."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"}]})

    def load(self):
        self.driver.get(self.url + "/")
        self.wait(lambda: self.script("return !document.getElementById('corpus').disabled"), "the corpora are listed")

    def screenshot(self, name):
        if self.screenshot_folder:
            self.driver.save_screenshot(str(self.screenshot_folder / f"{name}.png"))

    # Elements

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        """textContent: unlike Selenium's .text it is not changed by the layout."""
        return self.script("return document.querySelector(arguments[0])?.textContent ?? null", selector)

    def keys(self, *keys):
        """Typed at whatever has the focus, as a person would."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def focused(self):
        return self.script("const e = document.activeElement; return [e.id, e.className, e.tagName]")

    def wait(self, condition, what, seconds=None):
        try:
            return WebDriverWait(self.driver, seconds or self.patience_seconds, poll_frequency=0.05).until(lambda _: condition())
        except TimeoutException:
            raise AssertionError(f"waited {seconds or self.patience_seconds} s in vain until {what}") from None

    # Logs

    def gather_logs(self):
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requested.append(message["params"]["request"]["url"])
        self.console += [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def foreign_requests(self):
        origin = urllib.parse.urlsplit(self.url)
        return sorted({url for url in self.requested
                       if not url.startswith(("data:", "blob:", "about:", "chrome:"))
                       and urllib.parse.urlsplit(url)[:2] != origin[:2]})

    # Accessibility

    def axe(self):
        """Violations found on the page as it is now, a line each."""
        lines = []
        for script in AXE_SCRIPTS:
            self.script(script)
            result = self.driver.execute_async_script(
                "const done = arguments[arguments.length - 1];"
                "axe.run(document, {}).then((r) => done({version: axe.version, violations: r.violations, passes: r.passes.length}),"
                "                           (e) => done({error: String(e)}))")
            if "error" in result:
                raise AssertionError(f"axe did not run: {result['error']}")
            if result["passes"] == 0:
                raise AssertionError("axe found nothing to check")
            for violation in result["violations"]:
                for node in violation["nodes"]:
                    lines.append(f"axe {result['version']}: {violation['id']} ({violation['impact']}) at {node['target']}: "
                                 f"{node['failureSummary'].splitlines()[-1].strip()}")
        return lines

    def overflow(self):
        """Pixels by which the page is wider than the window."""
        return self.script("return Math.max(...[document.documentElement, ...document.querySelectorAll("
                           "'#scroll, #panel-text, .dialog-body')].map((e) => e.scrollWidth - e.clientWidth))")
