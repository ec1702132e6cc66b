#!/usr/bin/env python3
"""Makes tests/data/documents/: small files of text formats, and what Python's own libraries read from them.

usage: tools/make_text_fixtures.py      (csv and email are Python's; docutils comes from PyPI)

The expected values are what other programs read, so that a parser's test never compares it with itself.
"""

import csv
import email
import email.policy
import json
import pathlib
import random
from email.message import EmailMessage

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "documents"


def write_json(name, value):
    (FOLDER / name).write_text(json.dumps(value, indent=1, ensure_ascii=True) + "\n", encoding="ascii")


def make_message(charset, encoding, subject, text, file_name):
    message = EmailMessage()
    message["From"] = "Zoë Müller <zoe@example.org>"
    message["To"] = '"Doe, Jane" <jane@example.org>, Łukasz <lukasz@example.org>'
    message["Date"] = "Tue, 05 Mar 2024 09:15:00 +0100"
    message["Subject"] = subject
    message.set_content(text, charset=charset, cte=encoding)
    message.add_alternative("<p>The HTML form</p>", subtype="html")
    message.add_attachment("Größe;Zahl\n1;2\n", subtype="csv", filename=file_name)
    message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="plan.pdf")
    return message.as_bytes(policy=email.policy.SMTP)


def emails():
    german = "Sehr geehrte Frau Doe,\n\ndie Prüfung der Anlage ist für den 12. März vorgesehen – bitte bestätigen.\n"
    polish = "Szanowna Pani,\n\nprosimy o zgłoszenie usterki pompy do końca miesiąca.\n"
    russian = "Уважаемый господин,\n\nдоговор подписан и вступает в силу сегодня.\n"
    japanese = "山田様\n\n契約書の第三条をご確認ください。\n"
    long_subject = "Überprüfung der Druckbehälter gemäß § 14 der Betriebssicherheitsverordnung – Terminvorschlag für März"
    cases = [
        ("utf-8", "base64", long_subject, german),
        ("utf-8", "quoted-printable", "Prüfung", german),
        ("iso-8859-2", "quoted-printable", "Zgłoszenie usterki", polish),
        ("windows-1251", "base64", "Договор № 7", russian),
        ("iso-2022-jp", "7bit", "契約書について", japanese),
        ("utf-8", "8bit", "8bit", german),
    ]
    expected = []
    for number, (charset, encoding, subject, text) in enumerate(cases):
        name = f"mail_{number}.eml"
        data = make_message(charset, encoding, subject, text, "Meßwerte der Anlage – Entwurf Nummer 17 mit sehr langem Namen.csv")
        (FOLDER / name).write_bytes(data)
        read = email.message_from_bytes(data, policy=email.policy.default)
        expected.append({
            "file": name,
            "subject": str(read["subject"]),
            "from": [str(a) for a in read["from"].addresses],
            "to": [str(a) for a in read["to"].addresses],
            "date": read["date"].datetime.isoformat(),
            "body": read.get_body(("plain",)).get_content().strip().replace("\r\n", "\n"),
            "attachments": [part.get_filename() for part in read.iter_attachments()],
        })
    write_json("mail.json", expected)


def tables():
    rows = [
        ["Part", "Note", "Weight; kg", "Maße"],
        ["Lid", 'the "upper" one', "2,5", "ø 30 mm"],
        ["Valve, ball", "closes\nslowly", "1,25", ""],
        ["Bolt\tM8", "|", "0,01", "8 mm"],
        ["O-ring", "", "0,001", "3 x 1"],
    ]
    dialects = {
        "comma": {"delimiter": ","},
        "semicolon": {"delimiter": ";", "lineterminator": "\n"},
        "tab": {"delimiter": "\t", "quoting": csv.QUOTE_ALL},
        "pipe": {"delimiter": "|"},
    }
    expected = []
    for name, dialect in dialects.items():
        path = FOLDER / f"table_{name}.csv"
        with open(path, "w", newline="", encoding="utf-8-sig" if name == "semicolon" else "utf-8") as out:
            csv.writer(out, **dialect).writerows(rows)
        with open(path, newline="", encoding="utf-8-sig") as written:
            read = list(csv.reader(written, delimiter=dialect["delimiter"]))
        expected.append({"file": path.name, "rows": [[" ".join(cell.split()) for cell in row] for row in read]})
    write_json("tables.json", expected)


def restructured_text():
    from docutils import nodes
    from docutils.core import publish_doctree

    source = (FOLDER / "guide.rst").read_text(encoding="utf-8")
    tree = publish_doctree(source, settings_overrides={"doctitle_xform": False, "docinfo_xform": False, "report_level": 3})

    for reference in list(tree.findall(nodes.footnote_reference)):
        reference.parent.replace(reference, nodes.Text(f"[{reference.astext()}]"))

    def line(node):
        return " ".join(node.astext().split())

    def level(title):
        depth, node = 0, title.parent
        while node is not None:
            depth += isinstance(node, nodes.section)
            node = node.parent
        return depth

    def rows(table):
        return [[line(entry) for entry in row.findall(nodes.entry)] for row in table.findall(nodes.row)]

    in_table = {id(p) for table in tree.findall(nodes.table) for p in table.findall(nodes.paragraph)}
    write_json("guide.json", {
        "headings": [f"{level(t)} {line(t)}" for t in tree.findall(nodes.title) if isinstance(t.parent, nodes.section)],
        "paragraphs": [line(p) for p in tree.findall(nodes.paragraph) if id(p) not in in_table],
        "terms": [line(t) for t in tree.findall(nodes.term)],
        "code": [c.astext() for c in tree.findall(nodes.literal_block)],
        "tables": [rows(t) for t in tree.findall(nodes.table)],
    })


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    random.seed(1)  # boundaries of messages
    emails()
    tables()
    restructured_text()


if __name__ == "__main__":
    main()
