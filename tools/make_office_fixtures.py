#!/usr/bin/env python3
"""Writes tests/data/documents: office files made by other people's software, so that the parsers'
tests do not read only what we ourselves take for such a file.

usage, in a Python environment of its own:
    pip install python-docx python-pptx openpyxl odfpy ebooklib msoffcrypto-tool
    python tools/make_office_fixtures.py
"""

import datetime
import io
import pathlib

import docx
import msoffcrypto.format.ooxml
import odf.dc
import odf.draw
import odf.namespaces
import odf.opendocument
import odf.style
import odf.table
import odf.text
import openpyxl
import pptx
import pptx.util
from ebooklib import epub

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "data" / "documents"
DATE = datetime.datetime(2024, 3, 1, 12, 0, 0)


def make_docx():
    document = docx.Document()
    document.core_properties.title = "Service agreement"
    document.core_properties.author = "Ada Example"
    document.core_properties.created = document.core_properties.modified = DATE
    document.add_heading("Service agreement", 0)
    document.add_heading("Payment", 1)
    paragraph = document.add_paragraph("The customer pays ")
    paragraph.add_run("within 30 days").bold = True
    paragraph.add_run(" of the invoice.")
    document.add_heading("Late payment", 2)
    document.add_paragraph("Remind the customer", style="List Number")
    document.add_paragraph("Charge interest", style="List Number")
    document.add_paragraph("by letter", style="List Bullet")
    document.add_paragraph("by e-mail", style="List Bullet 2")
    rows = [("Service", "Fee"), ("Support", "\u20ac 100"), ("Hosting", "\u20ac 40")]
    table = document.add_table(rows=len(rows), cols=2)
    for row, values in zip(table.rows, rows):
        for cell, value in zip(row.cells, values):
            cell.text = value
    merged = document.add_table(rows=2, cols=3)
    merged.cell(0, 0).merge(merged.cell(1, 0)).text = "Aspirin"
    merged.cell(0, 1).text, merged.cell(0, 2).text = "adult", "500 mg"
    merged.cell(1, 1).text, merged.cell(1, 2).text = "child", "100 mg"
    section = document.sections[0]
    section.header.paragraphs[0].text = "Running header"
    section.footer.paragraphs[0].text = "Running footer"
    document.save(FOLDER / "agreement.docx")


def make_locked_xlsx():
    plain = io.BytesIO()
    openpyxl.Workbook().save(plain)
    plain.seek(0)
    with open(FOLDER / "locked.xlsx", "wb") as out:
        msoffcrypto.format.ooxml.OOXMLFile(plain).encrypt("secret", out)


def make_pptx():
    slides = pptx.Presentation()
    slides.core_properties.title = "Pump training"
    slides.core_properties.author = "Ada Example"
    title = slides.slides.add_slide(slides.slide_layouts[0])
    title.shapes.title.text = "Pump training"
    title.placeholders[1].text = "For new staff"
    bullets = slides.slides.add_slide(slides.slide_layouts[1])
    bullets.shapes.title.text = "Start-up"
    frame = bullets.placeholders[1].text_frame
    frame.text = "Open the valve"
    inner = frame.add_paragraph()
    inner.text, inner.level = "slowly", 1
    bullets.notes_slide.notes_text_frame.text = "Show the valve first."
    blank = slides.slides.add_slide(slides.slide_layouts[6])
    table = blank.shapes.add_table(2, 2, pptx.util.Cm(2), pptx.util.Cm(2), pptx.util.Cm(8), pptx.util.Cm(3)).table
    for row, values in enumerate([("Part", "Weight"), ("Lid", "2 kg")]):
        for column, value in enumerate(values):
            table.cell(row, column).text = value
    # Shown second: presentation order is not the parts' order.
    ids = slides.slides._sldIdLst
    last = ids[-1]
    ids.remove(last)
    ids.insert(1, last)
    slides.save(FOLDER / "training.pptx")


def make_xlsx():
    book = openpyxl.Workbook()
    book.properties.title = "Price list"
    book.properties.creator = "Ada Example"
    book.properties.created = book.properties.modified = DATE
    sheet = book.active
    sheet.title = "Prices"
    sheet.append(["Item", "Price", "Share", "Valid from", "In stock"])
    sheet.append(["Valve", 12.5, 0.25, datetime.date(2024, 3, 1), True])
    sheet.append(["Pump", 1200, 0.075, datetime.datetime(2024, 3, 1, 13, 30), False])
    for row in (2, 3):
        sheet.cell(row, 3).number_format = "0.0%"
    sheet.append([])
    sheet.append(["Total", "=SUM(B2:B3)"])
    sheet.append(["Time", datetime.time(7, 45)])
    hidden = book.create_sheet("Secret")
    hidden["A1"] = "hidden text"
    hidden.sheet_state = "hidden"
    book.create_sheet("Empty")
    notes = book.create_sheet("Notes")
    notes["B3"] = "Prices without tax"
    book.save(FOLDER / "prices.xlsx")


def make_odt():
    document = odf.opendocument.OpenDocumentText()
    document.meta.addElement(odf.dc.Title(text="Pump manual"))
    document.meta.addElement(odf.dc.Creator(text="Ada Example"))
    body = document.text
    body.addElement(odf.text.H(outlinelevel=1, text="Pumps"))
    paragraph = odf.text.P(text="A pump moves")
    paragraph.addElement(odf.text.S(c=1))
    paragraph.addText("water")
    note = odf.text.Note(noteclass="footnote", id="n1")
    note.addElement(odf.text.NoteCitation(text="1"))
    content = odf.text.NoteBody()
    content.addElement(odf.text.P(text="Or another liquid."))
    note.addElement(content)
    paragraph.addElement(note)
    paragraph.addText(".")
    body.addElement(paragraph)
    body.addElement(odf.text.H(outlinelevel=2, text="Kinds"))
    outer = odf.text.List()
    item = odf.text.ListItem()
    item.addElement(odf.text.P(text="rotary"))
    inner = odf.text.List()
    inner_item = odf.text.ListItem()
    inner_item.addElement(odf.text.P(text="gear"))
    inner.addElement(inner_item)
    item.addElement(inner)
    outer.addElement(item)
    body.addElement(outer)
    table = odf.table.Table(name="Weights")
    for values in [("Part", "Weight"), ("Lid", "2 kg")]:
        row = odf.table.TableRow()
        for value in values:
            cell = odf.table.TableCell(valuetype="string")
            cell.addElement(odf.text.P(text=value))
            row.addElement(cell)
        table.addElement(row)
    body.addElement(table)
    document.save(str(FOLDER / "manual.odt"))


def make_ods():
    document = odf.opendocument.OpenDocumentSpreadsheet()
    table = odf.table.Table(name="Prices")

    def add_row(*values, **repeat):
        row = odf.table.TableRow(**repeat)
        for value in values:
            cell = odf.table.TableCell(valuetype="string")
            if value:
                cell.addElement(odf.text.P(text=value))
            row.addElement(cell)
        row.addElement(odf.table.TableCell(numbercolumnsrepeated=1000))
        table.addElement(row)

    add_row("Item", "Price")
    add_row("Valve", "12.50")
    add_row("Pump", "1200", numberrowsrepeated=2)
    add_row("", numberrowsrepeated=1048000)
    document.spreadsheet.addElement(table)
    document.save(str(FOLDER / "prices.ods"))


def make_odp():
    document = odf.opendocument.OpenDocumentPresentation()
    layout = odf.style.PageLayout(name="layout")
    document.automaticstyles.addElement(layout)
    master = odf.style.MasterPage(name="master", pagelayoutname=layout)
    document.masterstyles.addElement(master)
    for title, text in [("Pumps", "They move water"), (None, "Valves stop it")]:
        page = odf.draw.Page(masterpagename=master, name="page")
        if title:
            frame = odf.draw.Frame(width="10cm", height="2cm")
            frame.setAttrNS(odf.namespaces.PRESENTATIONNS, "class", "title")
            box = odf.draw.TextBox()
            box.addElement(odf.text.P(text=title))
            frame.addElement(box)
            page.addElement(frame)
        frame = odf.draw.Frame(width="10cm", height="5cm")
        box = odf.draw.TextBox()
        box.addElement(odf.text.P(text=text))
        frame.addElement(box)
        page.addElement(frame)
        document.presentation.addElement(page)
    document.save(str(FOLDER / "pumps.odp"))


def make_epub():
    book = epub.EpubBook()
    book.set_identifier("footnote-fixture")
    book.set_title("Pump stories")
    book.set_language("en")
    book.add_author("Ada Example")
    chapters = []
    for name, title, text in [
        ("second", "The valve", "It was shut."),
        ("first", "The pump", "It ran &amp; ran."),
    ]:
        chapter = epub.EpubHtml(title=title, file_name=f"text/{name}.xhtml", lang="en")
        chapter.content = f"<html><body><h1>{title}</h1><p>{text}</p></body></html>"
        book.add_item(chapter)
        chapters.append(chapter)
    chapters.reverse()
    book.toc = chapters
    book.add_item(epub.EpubNcx())
    book.add_item(epub.EpubNav())
    book.spine = ["nav", *chapters]
    epub.write_epub(str(FOLDER / "stories.epub"), book)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for make in (make_docx, make_locked_xlsx, make_pptx, make_xlsx, make_odt, make_ods, make_odp, make_epub):
        make()
    for path in sorted(FOLDER.iterdir()):
        print(f"{path.name}: {path.stat().st_size} bytes")
