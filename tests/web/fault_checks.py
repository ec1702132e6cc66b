"""Checks of page_test.py that need a server which misbehaves on demand: they run against mock_server.py alone."""

import pathlib
import tempfile

QUESTION = "Does the GNU General Public License version 3 come with a warranty?"


def shows_sentences_as_they_arrive(test):
    test.fresh_page()
    browser = test.browser
    browser.script("window.seen = []; new MutationObserver(() => { const t = document.querySelector('.turn');"
                   " seen.push([performance.now(), t?.querySelectorAll('.sentence').length ?? 0, t?.dataset.state ?? '']); })"
                   ".observe(document.getElementById('turns'), {childList: true, subtree: true, attributes: true})")
    assert test.ask(QUESTION) == "answered"
    seen = browser.script("return window.seen")
    first = next(ms for ms, sentences, _ in seen if sentences > 0)
    done = next(ms for ms, _, state in seen if state == "answered")
    # The mock waits 0.3 s after each sentence.
    assert done - first > 250, f"the first sentence came only {done - first:.0f} ms before the end"


def stops_when_told_and_asks_again(test):
    test.fresh_page()
    browser = test.browser
    browser.one("#question").send_keys(QUESTION + " fault-slow")
    browser.one("#submit").click()
    browser.wait(lambda: browser.all(".turn .sentence"), "a sentence is there", 20)
    assert browser.focused()[0] == "stop", f"the focus is on {browser.focused()}"
    browser.screenshot("arriving")
    browser.one("#stop").click()
    assert test.wait_for_answer() == "stopped"
    assert browser.all(".turn .sentence"), "what was verified must stay"
    assert browser.focused()[0] == "question"
    assert test.open_footnote() == "ok", "a footnote of a stopped answer does not open"
    browser.one("#panel-close").click()
    assert test.ask(QUESTION) == "answered"


def explains_errors(test):
    for fault, words in (("fault-error", "the model stopped"), ("fault-cut", "serve"), ("fault-busy", "2 seconds")):
        test.fresh_page()
        assert test.ask(f"{QUESTION} {fault}") == "failed", fault
        said = test.browser.text(".turn .notice.error")
        assert words.lower() in said.lower(), f"{fault}: {said}"
        test.browser.screenshot(fault)
    test.browser.one(".turn .notice button").click()
    test.browser.wait(lambda: len(test.browser.all(".turn")) == 2, "it is asked again", 10)


def tells_low_grounding_from_nothing_relevant(test):
    test.fresh_page()
    assert test.ask(f"{QUESTION} fault-low") == "abstained"
    assert test.browser.one(".abstention").get_attribute("data-reason") == "LOW_GROUNDING"


def warns_when_the_document_has_changed(test):
    test.fresh_page()
    assert test.ask(f"{QUESTION} fault-version") == "answered"
    assert test.open_footnote() == "warning", "no warning though the document has changed"
    said = test.browser.text("#panel-check")
    assert "has changed" in said and "is not the quotation" in said and "The same words now stand" in said, said
    assert test.browser.text("#panel-text mark.moved") == test.browser.text(".footnotes blockquote")
    test.browser.screenshot("changed-document")


def shows_the_quotation_of_a_deleted_document(test):
    browser = test.browser
    test.fresh_page()
    assert test.ask("What must be included in all copies of software under the MIT License?") == "answered"
    browser.script("return fetch('/api/v1/corpora/legal/documents/mit.LICENSE', {method: 'DELETE'})")
    assert test.open_footnote() == "warning"
    assert "shall be included" in browser.text("#panel-text"), "the quotation is not shown"


def lists_what_could_not_be_added(test):
    browser = test.browser
    test.fresh_page()
    browser.one("#open-documents").click()
    with tempfile.TemporaryDirectory() as folder:
        names = ["good.txt", "broken.txt", "better.txt"]
        for name in names:
            (pathlib.Path(folder) / name).write_text(f"{name}\n\nIt says that {name} is here.\n", encoding="utf-8")
        browser.one("#files").send_keys("\n".join(str(pathlib.Path(folder) / name) for name in names))
        browser.wait(lambda: len(browser.all(".upload[data-state='done']")) == 2, "two files are added", 20)
    assert [row.get_attribute("data-state") for row in browser.all(".upload")] == ["done", "failed", "done"]
    assert "save it as UTF-8" in browser.text("#uploads")
    browser.screenshot("uploads")


def takes_dropped_files(test):
    browser = test.browser
    test.fresh_page()
    browser.one("#open-documents").click()
    browser.script("const data = new DataTransfer(); data.items.add(new File(['Dropped.\\n\\nThe anvil weighs much, namely 12 kg.'], 'dropped.txt'));"
                   "document.getElementById('drop').dispatchEvent("
                   "  new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}))")
    browser.wait(lambda: browser.all(".upload[data-state='done']"), "the dropped file is added", 20)
    browser.one(".upload button").click()
    assert browser.focused()[0] == "question", "“Ask about it” does not lead to the question"
    assert test.ask("The anvil weighs how much?") == "answered"


CHECKS = [
    shows_sentences_as_they_arrive,
    stops_when_told_and_asks_again,
    explains_errors,
    tells_low_grounding_from_nothing_relevant,
    warns_when_the_document_has_changed,
    shows_the_quotation_of_a_deleted_document,
    lists_what_could_not_be_added,
    takes_dropped_files,
]
