#!/usr/bin/env python3
"""Writes the PDF files of tests/data/documents.

usage: make_pdf_fixtures.py OUTPUT_FOLDER     (needs reportlab, pypdf and pillow from the Python package index)

Their text is known, so that what the parser gives can be compared with it.
"""

import io
import pathlib
import sys

from PIL import Image, ImageDraw, ImageFont
from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A5
from reportlab.pdfgen import canvas

# Four pages under one running header and numbered footers; a word broken at a line's end, a sentence that runs on over a
# page's end, and headings that count with the pages and are none the less text.
PAGES = [
    ["1 Scope", "", "This manual is for the dosing pump of the mainte-", "nance staff. It is read", "before the pump is"],
    ["opened for the first time.", "", "Article 5", "", "A record is kept for ten years."],
    ["2 Safety", "", "Article 6", "", "Close the inlet valve before the lid is opened."],
    ["3 Disposal", "", "Article 7", "", "Return the battery to the dealer."],
]


def manual():
    out = io.BytesIO()
    page = canvas.Canvas(out, pagesize=A5, invariant=1)
    page.setTitle("Dosing pump DP-7: manual")
    page.setAuthor("Works council")
    for number, lines in enumerate(PAGES, start=1):
        page.setFont("Helvetica", 9)
        page.drawString(40, 560, "ACME Pumps Ltd. - Confidential")
        page.drawString(180, 30, f"Page {number} of {len(PAGES)}")
        page.setFont("Helvetica", 11)
        y = 520
        for line in lines:
            page.drawString(40, y, line)
            y -= 15
        page.showPage()
    page.save()
    return out.getvalue()


def protected(plain):
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(plain)))
    writer.encrypt("secret", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


# Two pages as they come out of an office scanner: pictures of text, a little askew.
SCANNED_PAGES = [
    ["LEASE AGREEMENT", "", "The tenant shall pay a monthly rent of 950 EUR,", "due on the third working day of each month."],
    ["Notice", "", "Either party may give notice in writing. The", "period of notice is three months."],
]


def scanned_lease():
    font = ImageFont.load_default(size=34)
    pictures = []
    for lines in SCANNED_PAGES:
        picture = Image.new("L", (1165, 620), 255)  # at 200 dots per inch
        for number, line in enumerate(lines):
            ImageDraw.Draw(picture).text((120, 110 + 70 * number), line, font=font, fill=0)
        pictures.append(picture.rotate(0.7, fillcolor=255, resample=Image.Resampling.BICUBIC).convert("1", dither=0))
    out = io.BytesIO()
    # No time of making, so that the file is the same each time.
    pictures[0].save(out, "PDF", save_all=True, append_images=pictures[1:], resolution=200, creationDate=None, modDate=None)
    return out.getvalue()


def scan():
    picture = Image.new("1", (300, 100), 1)
    ImageDraw.Draw(picture).text((10, 40), "a scanned page", fill=0)
    out = io.BytesIO()
    picture.save(out, "PDF", resolution=72)
    return out.getvalue()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    plain = manual()
    for name, data in (("manual.pdf", plain), ("protected.pdf", protected(plain)), ("scan.pdf", scan()),
                       ("scanned_lease.pdf", scanned_lease())):
        (folder / name).write_bytes(data)
        print(f"{folder / name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
