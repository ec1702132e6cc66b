#!/usr/bin/env python3
"""Drives the page in headless Chromium as a person would.

usage: page_test.py --url http://127.0.0.1:PORT [--screenshots FOLDER] [--only NAME,…]
       page_test.py --faults [--screenshots FOLDER]     against mock_server.py: what a working server does not do

The server needs a corpus (--corpus, "legal") that answers --question and does not answer --no-answer. A corpus is made and a document
is added to it and deleted again; no other document is touched. A line a check, and at the end "N passed, N failed"; exit status 1
when one failed.
"""

import argparse
import os
import pathlib
import shutil
import sys
import tempfile
import time
import urllib.parse
import urllib.request
import json

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

import fault_checks
import mock_server
from browser import Browser

# "façade" and "🙂" stand before the fact: bytes, UTF-16 units and characters all differ behind them.
DOCUMENT = """# Zephyr-9 handbook

The façade of the pump house in Ærøskøbing bears a smiling face 🙂 and the words “Überdruck macht Spaß”.

The Zephyr-9 pump must be serviced every 41 days. It is painted green.
"""
FACT_QUESTION = "How often must the Zephyr-9 pump be serviced?"


class PageTest:
    def __init__(self, browser, options):
        self.browser = browser
        self.options = options
        self.own_corpus = f"page-test-{os.getpid()}-{int(time.time()) % 100000}"

    # Steps that several checks share

    def fetch(self, path):
        with urllib.request.urlopen(self.browser.url + path, timeout=60) as reply:
            return json.load(reply)

    def fresh_page(self, **look):
        self.browser.look(**look)
        self.browser.load()
        self.choose_corpus(self.options.corpus)

    def choose_corpus(self, name):
        Select(self.browser.one("#corpus")).select_by_value(name)

    def ask(self, question):
        before = len(self.browser.all(".turn"))
        box = self.browser.one("#question")
        box.send_keys(question, Keys.ENTER)
        self.browser.wait(lambda: len(self.browser.all(".turn")) > before, "the question is on the page", 10)
        return self.wait_for_answer()

    def wait_for_answer(self):
        """The last turn's state: answered, abstained, failed or stopped."""
        return self.browser.wait(lambda: self.browser.script("return [...document.querySelectorAll('.turn')].at(-1)?.dataset.state"),
                                 "the question is answered")

    def open_footnote(self, number=1):
        mark = self.browser.all(f".turn:last-child .mark[data-number='{number}']")[0]
        mark.click()
        return self.wait_for_document()

    def wait_for_document(self):
        self.browser.wait(lambda: self.browser.one("#panel").get_attribute("data-state") in ("ready", "failed"), "the document is open", 30)
        return self.browser.one("#panel-check").get_attribute("data-state")

    def panel_facts(self):
        return dict(self.browser.script("return [...document.querySelectorAll('#panel-facts dt')]"
                                        ".map((name) => [name.textContent, name.nextElementSibling.textContent])"))

    def check_highlight(self, corpus):
        """What is marked equals the quotation under the answer, and the stored document's bytes at the citation's offsets."""
        facts = self.panel_facts()
        number = self.browser.text("#panel-kind").split()[1]
        marked = self.browser.text("#panel-text mark")
        quote = self.browser.text(f".turn:last-child .footnotes li[data-number='{number}'] blockquote")
        start, end = (int(n) for n in facts["Bytes"].split("–"))
        document = self.fetch(f"/api/v1/corpora/{corpus}/documents/{urllib.parse.quote(facts['Document'], safe='')}")
        stored = document["text"].encode()[start:end]
        assert marked is not None, "nothing is marked"
        assert marked.encode() == quote.encode(), f"marked {marked!r}, quoted {quote!r}"
        assert marked.encode() == stored, f"marked {marked!r}, bytes {start}–{end} are {stored!r}"
        seen = self.browser.script("const m = document.querySelector('#panel-text mark').getClientRects()[0],"
                                   " t = document.getElementById('panel-text').getBoundingClientRect();"
                                   "return m.top >= t.top && m.top < t.bottom && t.top < innerHeight")
        assert seen, "the marked text is not in view"
        return marked

    # Checks: each method begins on a fresh page of its own

    def asks_and_sees_sentences(self):
        self.fresh_page()
        self.browser.screenshot("welcome")
        state = self.ask(self.options.question)
        assert state == "answered", f"the question was {state}"
        sentences = self.browser.all(".turn .sentence")
        assert sentences, "no sentence is shown"
        for sentence in sentences:
            assert sentence.find_element(By.CSS_SELECTOR, ".said").text.strip(), "an empty sentence"
            assert sentence.find_elements(By.CSS_SELECTOR, ".mark"), "a sentence without footnote"
            note = sentence.find_element(By.CSS_SELECTOR, ".sidenote").text
            assert any(word in note for word in ("generated", "regenerated", "quoted")) and "support" in note, f"side note {note!r}"
        assert self.browser.all(".footnotes li blockquote"), "no footnote is listed"
        self.browser.screenshot("answer")

    def shows_what_stands_behind_an_answer(self):
        self.fresh_page()
        self.ask(self.options.question)
        for summary in self.browser.all(".turn .behind > summary"):
            summary.click()
        self.browser.screenshot("behind")
        passages = self.browser.all(".passage")
        assert passages and all(p.find_element(By.CSS_SELECTOR, ".passage-text").text for p in passages), "passages without text"
        assert "ms" in self.browser.text(".timing-total .timing-value") or " s" in self.browser.text(".timing-total .timing-value")
        record = json.loads(self.browser.text(".record"))
        assert len(record.get("model_sha256", "")) == 64 and record.get("corpus") == self.options.corpus, f"record {record}"
        passages[-1].find_element(By.CSS_SELECTOR, "button").click()
        assert self.wait_for_document() == "ok", self.browser.text("#panel-check")

    def opens_a_footnote_with_its_exact_bytes(self):
        self.fresh_page()
        self.ask(self.options.question)
        marks = {int(m.get_attribute("data-number")) for m in self.browser.all(".turn .mark")}
        assert self.open_footnote(min(marks)) == "ok", self.browser.text("#panel-check")
        self.check_highlight(self.options.corpus)
        self.browser.screenshot("footnote")
        for _ in range(len(marks) - 1):
            before = self.browser.text("#panel-kind")
            self.browser.one("#panel-next").click()
            assert self.browser.text("#panel-kind") != before
            assert self.wait_for_document() == "ok", self.browser.text("#panel-check")
            self.check_highlight(self.options.corpus)
        whole = self.browser.one("#panel-whole")
        if whole.is_displayed():
            whole.click()
            self.browser.wait(lambda: "whole text" in self.browser.text(".document-where"), "the whole document is shown", 30)
        facts = self.panel_facts()
        path = f"/api/v1/corpora/{self.options.corpus}/documents/{urllib.parse.quote(facts['Document'], safe='')}"
        assert self.browser.text(".document-text") == self.fetch(path)["text"], "the whole document differs from the stored one"
        self.browser.one("#panel-close").click()
        assert not self.browser.one("#panel").is_displayed()

    def says_why_there_is_no_answer(self):
        self.fresh_page()
        state = self.ask(self.options.no_answer)
        assert state == "abstained", f"the question was {state}"
        reason = self.browser.one(".abstention").get_attribute("data-reason")
        assert reason in ("NO_RELEVANT_CONTENT", "LOW_GROUNDING"), reason
        assert len(self.browser.text(".abstention")) > 80, "no words about the reason"
        assert not self.browser.all(".turn .sentence") and not self.browser.all(".turn .mark"), "sentences beside an abstention"
        self.browser.screenshot("abstention")

    def adds_a_document_asks_about_it_and_deletes_it(self):
        browser = self.browser
        self.fresh_page()
        browser.one("#open-documents").click()
        browser.one("#new-corpus-details summary").click()
        browser.one("#new-corpus").send_keys(self.own_corpus, Keys.ENTER)
        browser.wait(lambda: self.own_corpus in browser.text("#documents-title"), "the corpus was created", 30)
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "zephyr-façade.md"
            file.write_text(DOCUMENT, encoding="utf-8")
            browser.one("#files").send_keys(str(file))
            browser.wait(lambda: browser.all(".upload[data-state='done'], .upload[data-state='failed']"), "the document is indexed")
        assert browser.all(".upload[data-state='done']"), browser.text("#uploads")
        browser.wait(lambda: len(browser.all(".document")) == 1, "the document is listed", 30)
        browser.screenshot("uploaded")
        browser.one("#documents-close").click()
        assert Select(browser.one("#corpus")).first_selected_option.text == self.own_corpus, "the new corpus is not chosen"
        assert self.ask(FACT_QUESTION) == "answered", browser.text(".turn-foot")
        assert "41" in browser.text(".turn .sentences"), browser.text(".turn .sentences")
        assert self.open_footnote() == "ok", browser.text("#panel-check")
        assert "41 days" in self.check_highlight(self.own_corpus)
        assert "zephyr" in self.panel_facts()["Document"]
        browser.screenshot("uploaded-footnote")
        browser.one("#panel-close").click()

        browser.one("#open-documents").click()
        browser.wait(lambda: browser.all(".document"), "the document is listed", 30)
        browser.one(".document .delete").click()
        browser.screenshot("confirm-deletion")
        browser.one("#confirm button[value='keep']").click()
        assert len(browser.all(".document")) == 1, "deleted though it was to be kept"
        browser.one(".document .delete").click()
        browser.one("#confirm button[value='delete']").click()
        browser.wait(lambda: browser.all(".document-list .empty"), "the list is empty", 30)
        browser.one("#documents-close").click()
        assert self.ask(FACT_QUESTION) == "abstained", "a deleted document still answers"

    def narrows_by_document_filter_and_risk(self):
        browser = self.browser
        self.fresh_page()
        browser.one("#open-documents").click()
        browser.wait(lambda: browser.all(".document"), "documents are listed", 30)
        browser.screenshot("documents")
        chosen = browser.one(".document").get_attribute("data-id")
        browser.all(".document-actions button")[0].click()
        assert browser.focused()[0] == "question"
        assert chosen in browser.text("#options-summary"), browser.text("#options-summary")
        browser.one("#options-toggle").click()
        browser.all("#risks input")[0].click()
        assert "strict" in browser.text("#options-summary")
        browser.screenshot("options")
        self.ask(self.options.question)
        found = browser.script("return [...document.querySelectorAll('.passage .identifier')].map((e) => e.textContent)")
        assert set(found) <= {chosen}, f"asked within {chosen}, found {found}"
        browser.one("#document-id").clear()
        browser.one("#filter").send_keys("((")
        assert self.ask(self.options.question) == "failed"
        assert "filter" in browser.text(".turn:last-child .notice").lower(), browser.text(".turn:last-child .notice")

    def works_with_the_keyboard_alone(self):
        browser = self.browser
        for width in (1280, 360):
            self.fresh_page(width=width)
            browser.script("document.activeElement.blur()")
            self.tab_to(lambda: browser.focused()[0] == "question", "the question")
            browser.keys(self.options.question, Keys.ENTER)
            browser.wait(lambda: browser.all(".turn"), "the question is on the page", 10)
            assert self.wait_for_answer() == "answered"
            self.tab_to(lambda: "mark" in browser.focused()[1].split(), "a footnote mark", Keys.SHIFT + Keys.TAB)
            outline = browser.script("return getComputedStyle(document.activeElement).outlineStyle")
            assert outline not in ("none", ""), "the focus is not visible"
            number = browser.script("return document.activeElement.dataset.number")
            browser.keys(Keys.ENTER)
            assert self.wait_for_document() == "ok"
            assert browser.focused()[0] == "panel-title", f"the focus is on {browser.focused()}"
            if width == 360:
                assert browser.script("return document.querySelector('.reading').inert"), "what the sheet covers can be reached"
            browser.keys(Keys.ESCAPE)
            assert not browser.one("#panel").is_displayed(), "Escape does not close the document"
            assert browser.script("return document.activeElement.dataset.number") == number, "the focus is not back on the footnote"

    def tab_to(self, there, what, key=Keys.TAB):
        for _ in range(80):
            if there():
                return
            self.browser.keys(key)
        raise AssertionError(f"80 tabs do not lead to {what}")

    def has_no_accessibility_violation(self):
        browser = self.browser
        found = []
        for dark in (False, True):
            for width in (1280, 360):
                name = f"{'dark' if dark else 'light'}-{width}"

                def look(where):
                    browser.screenshot(f"{where}-{name}")
                    found.extend(f"{where} {name}: {line}" for line in browser.axe())
                    if browser.overflow() > 0:
                        found.append(f"{where} {name}: {browser.overflow()} px wider than the window")

                self.fresh_page(width=width, dark=dark)
                look("empty")
                self.ask(self.options.question)
                look("answer")
                for summary in browser.all(".turn .behind > summary"):
                    summary.click()
                look("behind")
                self.open_footnote()
                look("footnote")
                browser.one("#panel-close").click()
                self.ask(self.options.no_answer)
                look("abstention")
                browser.one("#options-toggle").click()
                look("options")
                browser.one("#open-documents").click()
                browser.wait(lambda: browser.all(".document"), "documents are listed", 30)
                look("documents")
        assert not found, "\n      ".join(["", *found])

    def says_nothing_on_the_console_and_asks_no_other_origin(self):
        """Over all checks before this one. A filter that is wrong on purpose and a page's own 4xx are no page error."""
        self.browser.gather_logs()
        errors = [line for line in self.browser.console if "the server responded with a status of 4" not in line]
        assert not errors, "\n      ".join(["", *errors])
        assert self.browser.requested, "the performance log is empty: nothing was checked"
        assert not self.browser.foreign_requests(), self.browser.foreign_requests()


CHECKS = [
    PageTest.asks_and_sees_sentences,
    PageTest.opens_a_footnote_with_its_exact_bytes,
    PageTest.shows_what_stands_behind_an_answer,
    PageTest.says_why_there_is_no_answer,
    PageTest.adds_a_document_asks_about_it_and_deletes_it,
    PageTest.narrows_by_document_filter_and_risk,
    PageTest.works_with_the_keyboard_alone,
    PageTest.has_no_accessibility_violation,
    PageTest.says_nothing_on_the_console_and_asks_no_other_origin,
]


def run(checks, test, only):
    passed = failed = 0
    for check in checks:
        name = check.__name__.replace("_", " ")
        if only and not any(part in check.__name__ for part in only):
            continue
        started = time.monotonic()
        try:
            check(test)
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            reason = str(error).split("Stacktrace:")[0].rstrip()  # chromedriver's own frames help nobody
            print(f"FAIL  {name}: {type(error).__name__}: {reason}", flush=True)
            test.browser.screenshot(f"failed-{check.__name__}")
            continue
        passed += 1
        print(f"ok    {name}  ({time.monotonic() - started:.1f} s)", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return failed == 0 and passed > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--url")
    where.add_argument("--faults", action="store_true")
    parser.add_argument("--screenshots", type=pathlib.Path)
    parser.add_argument("--only", type=lambda value: value.replace(" ", "_").split(","), default=[])
    parser.add_argument("--corpus", default="legal")
    parser.add_argument("--question", default="Does the GNU General Public License version 3 come with a warranty?")
    parser.add_argument("--no-answer", default="What is the capital of France?")
    parser.add_argument("--patience", type=float, default=180, help="seconds for an answer or an import")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    parser.add_argument("--driver", default=shutil.which("chromedriver"))
    options = parser.parse_args()
    if not options.chromium or not options.driver:
        print("skipped: chromium and chromedriver are not installed (apt-get install chromium chromium-driver)", file=sys.stderr)
        return 77
    server = mock_server.start(sentence_seconds=0.3) if options.faults else None
    url = f"http://127.0.0.1:{server.server_address[1]}" if server else options.url
    browser = Browser(url, options.chromium, options.driver, options.patience)
    try:
        if options.screenshots:
            options.screenshots.mkdir(parents=True, exist_ok=True)
            browser.screenshot_folder = options.screenshots
        checks = fault_checks.CHECKS if options.faults else CHECKS
        return 0 if run(checks, PageTest(browser, options), options.only) else 1
    finally:
        browser.quit()
        if server:
            server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
