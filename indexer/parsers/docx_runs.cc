#include "indexer/parsers/docx_runs.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "indexer/parsers/list_number.h"
#include "indexer/parsers/office_package.h"
#include "indexer/parsers/symbol_font.h"

namespace footnote::indexer {
namespace {

template <size_t N>
bool IsOneOf(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

char32_t ReadHex(std::string_view text) {
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

}  // namespace

bool DocxRuns::IsDeleted(const XmlNode& element) {
  return element.name() == "del" || element.name() == "moveFrom";
}

DocxRuns::Text DocxRuns::Read(const XmlNode& paragraph, bool hidden) {
  out_ = Text();
  ReadRuns(paragraph, hidden);
  // Instructions end in their paragraph; a field that never came to its result would hide the rest
  // of the document.
  std::erase(fields_, FieldPart::kInstruction);
  return std::move(out_);
}

bool DocxRuns::InInstruction() const {
  return std::find(fields_.begin(), fields_.end(), FieldPart::kInstruction) != fields_.end();
}

void DocxRuns::ReadRuns(const XmlNode& node, bool hidden) {
  // Properties; ruby text repeats its base in small letters.
  static constexpr auto kSkipped = std::to_array<std::string_view>({"pPr", "rPr", "sdtPr", "rt"});
  for (XmlNode child = node.first_child(); child; child = child.next_sibling()) {
    const std::string_view name = child.name();
    if (name.empty() || IsDeleted(child) || IsOneOf(name, kSkipped)) continue;
    if (name == "r") {
      ReadRun(child, hidden);
    } else if (name == "AlternateContent") {
      ReadRuns(ChosenAlternate(child), hidden);
    } else {
      ReadRuns(child, hidden);  // hyperlinks, insertions, content controls, formulas
    }
  }
}

void DocxRuns::ReadRun(const XmlNode& run, bool hidden) {
  const XmlNode properties = run.child("rPr");
  const XmlNode vanish = properties.child("vanish");
  if (vanish) {
    hidden = IsOn(vanish);
  } else if (const XmlNode style = properties.child("rStyle")) {
    hidden = hidden || styles_.Find(style.attribute("val")).hidden;
  }
  for (XmlNode child = run.first_child(); child; child = child.next_sibling()) {
    const std::string_view name = child.name();
    if (name == "fldChar") {
      ReadField(child, hidden);
      continue;
    }
    if (hidden || InInstruction()) continue;
    if (name == "t") {
      out_.text += ReplaceSymbols(TextOf(child), properties.child("rFonts").attribute("ascii"));
    } else if (name == "tab" || name == "ptab") {
      out_.text += ' ';
    } else if (name == "br" || name == "cr") {
      out_.text += '\n';
    } else if (name == "noBreakHyphen") {
      out_.text += '-';
    } else if (name == "sym") {
      AppendSymbol(ReadHex(child.attribute("char")), child.attribute("font"), out_.text);
    } else if (name == "footnoteReference" || name == "endnoteReference") {
      AddNote(child, name == "endnoteReference");
    } else if (name == "drawing" || name == "pict" || name == "object") {
      FindBoxes(child);
    } else if (name == "ruby") {
      ReadRuns(child, hidden);
    } else if (name == "AlternateContent") {
      ReadRun(ChosenAlternate(child), hidden);
    }
  }
}

void DocxRuns::ReadField(const XmlNode& mark, bool hidden) {
  const std::string_view type = mark.attribute("fldCharType");
  if (type == "begin") {
    // A check box of a form has no result; its state is here.
    const XmlNode box = mark.child("ffData").child("checkBox");
    if (box && !hidden && !InInstruction()) {
      const XmlNode checked = box.child("checked");
      out_.text += IsOn(checked ? checked : box.child("default")) ? "\xE2\x98\x92" : "\xE2\x98\x90";
    }
    fields_.push_back(FieldPart::kInstruction);
  } else if (type == "separate") {
    if (!fields_.empty()) fields_.back() = FieldPart::kResult;
  } else if (type == "end") {
    if (!fields_.empty()) fields_.pop_back();
  }
}

void DocxRuns::AddNote(const XmlNode& reference, bool endnote) {
  const std::string id(reference.attribute("id"));
  const auto [at, is_new] = note_index_.try_emplace({endnote, id}, notes_.size());
  if (is_new) {
    const std::string number = endnote ? FormatListNumber(++endnotes_, "lowerRoman")
                                       : FormatListNumber(++footnotes_, "decimal");
    notes_.push_back({endnote, id, "[" + number + "]"});
  }
  out_.text += notes_[at->second].mark;
}

void DocxRuns::FindBoxes(const XmlNode& node) {
  for (XmlNode child = node.first_child(); child; child = child.next_sibling()) {
    if (child.name() == "txbxContent") {
      out_.boxes.push_back(child);
    } else {
      FindBoxes(child.name() == "AlternateContent" ? ChosenAlternate(child) : child);
    }
  }
}

}  // namespace footnote::indexer
