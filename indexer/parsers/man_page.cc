// Man pages: man(7) and mdoc(7), rendered to text with their sections as headings. Pages that only
// name another one (".so man2/open.2") are skipped. Source: groff_man(7), groff_mdoc(7), tbl(1).
#include <algorithm>
#include <array>
#include <utility>

#include "indexer/parsers/document_builder.h"
#include "indexer/parsers/mdoc_line.h"
#include "indexer/parsers/parser.h"
#include "indexer/parsers/roff_lines.h"
#include "indexer/parsers/roff_text.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

bool IsBullet(std::string_view tag) {
  return tag == "•" || tag == "*" || tag == "-" || tag == "o" || tag == "·" || tag == "–" ||
         tag == "—" || tag == "+" || tag == "○";
}

bool IsNumber(std::string_view tag) {
  return tag.size() >= 2 && tag.size() <= 5 && (tag.back() == '.' || tag.back() == ')') &&
         tag.find_first_not_of("(0123456789abcdefghivx.)") == std::string_view::npos;
}

class ManRenderer {
 public:
  ParsedDocument Render(std::string_view text) {
    RoffLines lines(text);
    std::string line;
    while (lines.Next(line)) Line(line, lines);
    Flush();
    FlushCode();
    return builder_.Finish();
  }

 private:
  void Line(const std::string& line, RoffLines& lines) {
    if (!line.empty() && (line[0] == '.' || line[0] == '\'')) {
      const size_t start = line.find_first_not_of(" \t", 1);
      if (start == std::string::npos) return;
      size_t end = start;
      while (end < line.size() && line[end] != ' ' && line[end] != '\t') ++end;
      Request(line.substr(start, end - start), std::string_view(line).substr(end), lines);
      return;
    }
    Text(RenderRoffText(line, lines.strings()));
  }

  void Text(const std::string& text) {
    if (std::exchange(want_heading_, 0) > 0) {
      builder_.Heading(heading_level_, text);
      return;
    }
    if (want_tag_) {
      want_tag_ = false;
      tag_ = CollapseSpace(text);
      in_item_ = true;
      return;
    }
    if (verbatim_) {
      code_ += text;
      code_ += '\n';
      return;
    }
    if (TrimSpace(text).empty()) {
      Flush();
      return;
    }
    if (!text_.empty() && !glue_) text_ += ' ';
    glue_ = false;
    text_ += text;
  }

  void Request(const std::string& name, std::string_view rest, RoffLines& lines) {
    const std::vector<std::string> arguments = SplitRoffArguments(rest);
    if (Structure(name, arguments, lines)) return;
    // Fonts: what remains is their text.
    static constexpr auto kAlternating =
        std::to_array<std::string_view>({"BR", "RB", "BI", "IB", "IR", "RI"});
    static constexpr auto kFonts =
        std::to_array<std::string_view>({"B", "I", "R", "SM", "SB", "CW"});
    const bool alternating =
        std::find(kAlternating.begin(), kAlternating.end(), name) != kAlternating.end();
    if (alternating || std::find(kFonts.begin(), kFonts.end(), name) != kFonts.end()) {
      std::string text;
      for (const std::string& argument : arguments) {
        if (!alternating && !text.empty()) text += ' ';
        text += argument;
      }
      if (!text.empty()) Text(RenderRoffText(text, lines.strings()));
    } else if (IsMdocInline(name)) {
      if (name == "Nm" && page_name_.empty() && !arguments.empty()) page_name_ = arguments[0];
      Text(RenderRoffText(RenderMdocLine(name, arguments, page_name_), lines.strings()));
    }
  }

  std::string Joined(const std::vector<std::string>& arguments, const RoffLines& lines) const {
    std::string text;
    for (const std::string& argument : arguments) {
      if (!text.empty()) text += ' ';
      text += argument;
    }
    return RenderRoffText(text, lines.strings());
  }

  void Heading(int level, const std::vector<std::string>& arguments, const RoffLines& lines) {
    Flush();
    FlushCode();
    verbatim_ = false;
    in_item_ = false;
    indent_ = 0;
    item_indents_.clear();
    if (arguments.empty()) {
      want_heading_ = heading_level_ = level;
    } else {
      builder_.Heading(level, Joined(arguments, lines));
    }
  }

  // Paragraphs, lists, displays. False: `name` is none of them.
  bool Structure(const std::string& name, const std::vector<std::string>& arguments,
                 RoffLines& lines) {
    if (name == "SH" || name == "Sh") {
      Heading(1, arguments, lines);
    } else if (name == "SS" || name == "Ss") {
      Heading(2, arguments, lines);
    } else if (name == "PP" || name == "P" || name == "LP" || name == "Pp" || name == "HP") {
      Break();
      in_item_ = name == "Pp" && !mdoc_lists_.empty();
    } else if (name == "TP" || name == "TQ") {
      if (name == "TQ" && !tag_.empty() && text_.empty()) {
        tag_ += ", ";
        alternative_tag_ = std::exchange(tag_, "");
      } else {
        Break();
      }
      want_tag_ = true;
    } else if (name == "IP") {
      Break();
      if (!arguments.empty()) tag_ = CollapseSpace(RenderRoffText(arguments[0], lines.strings()));
      in_item_ = true;
    } else if (name == "RS") {
      Break();
      ++indent_;
      item_indents_.push_back(in_item_);
      in_item_ = false;
    } else if (name == "RE") {
      Break();
      if (indent_ > 0) {
        --indent_;
        in_item_ = item_indents_.back();
        item_indents_.pop_back();
      }
    } else if (name == "nf" || name == "EX" || name == "Bd") {
      Flush();
      verbatim_ = name != "Bd" ||
                  std::find(arguments.begin(), arguments.end(), "-ragged") == arguments.end();
    } else if (name == "fi" || name == "EE" || name == "Ed") {
      FlushCode();
      verbatim_ = false;
    } else if (name == "br" || name == "sp") {
      if (verbatim_) {
        if (name == "sp") code_ += '\n';
      } else if (name == "sp") {
        Flush();
      } else if (!text_.empty()) {
        text_ += '\n';
        glue_ = true;
      }
    } else if (name == "TS") {
      Flush();
      Table(lines);
    } else if (name == "Bl") {
      Flush();
      mdoc_lists_.push_back(arguments.empty() ? "" : arguments[0]);
    } else if (name == "El") {
      Break();
      if (!mdoc_lists_.empty()) mdoc_lists_.pop_back();
    } else if (name == "It") {
      Break();
      MdocItem(arguments, lines);
    } else if (name == "Dl" || name == "D1") {
      Flush();
      builder_.Code(MdocText(arguments, lines));
    } else if (name == "UR" || name == "MT") {
      link_ = arguments.empty() ? "" : RenderRoffText(arguments[0], lines.strings());
    } else if (name == "UE" || name == "ME") {
      const std::string link = std::exchange(link_, "");
      if (!link.empty()) Text("<" + link + ">" + Joined(arguments, lines));
    } else if (name == "SY") {
      Flush();
      if (!arguments.empty()) Text(Joined(arguments, lines));
    } else if (name == "OP") {
      Text("[" + Joined(arguments, lines) + "]");
    } else if (name == "YS") {
      Flush();
    } else if (name == "Dt" && !arguments.empty()) {
      page_name_.clear();
    } else {
      return false;
    }
    return true;
  }

  std::string MdocText(const std::vector<std::string>& arguments, const RoffLines& lines) const {
    if (!arguments.empty() && IsMdocInline(arguments[0])) {
      const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
      return RenderRoffText(RenderMdocLine(arguments[0], rest, page_name_), lines.strings());
    }
    return RenderRoffText(RenderMdocLine("No", arguments, page_name_), lines.strings());
  }

  void MdocItem(const std::vector<std::string>& arguments, const RoffLines& lines) {
    in_item_ = true;
    const std::string kind = mdoc_lists_.empty() ? "" : mdoc_lists_.back();
    if (!arguments.empty()) {
      tag_ = CollapseSpace(MdocText(arguments, lines));
    } else {
      tag_ = "-";
    }
  }

  // Ends what is open: a tag without text stands alone.
  void Break() {
    Flush();
    if (verbatim_ && !code_.empty()) code_ += '\n';
  }

  void Flush() {
    std::string text = std::string(TrimSpace(std::exchange(text_, "")));
    glue_ = false;
    std::string tag = std::exchange(alternative_tag_, "") + std::exchange(tag_, "");
    want_tag_ = false;
    if (text.empty() && tag.empty()) return;
    const int depth = indent_ + (in_item_ ? 1 : 0) +
                      static_cast<int>(std::max<size_t>(mdoc_lists_.size(), 1)) - 1;
    if (!tag.empty()) {
      if (IsBullet(tag)) {
        builder_.ListItem(depth, "-", text);
      } else if (IsNumber(tag)) {
        builder_.ListItem(depth, tag, text);
      } else {
        builder_.ListItem(depth, "", text.empty() ? tag : tag + "\n" + text);
      }
    } else if (depth > 0) {
      builder_.ListContinuation(depth, text);
    } else {
      builder_.Paragraph(text);
    }
  }

  void FlushCode() { builder_.Code(std::exchange(code_, "")); }

  // tbl(1): options up to ";", formats up to ".", then rows of cells.
  void Table(RoffLines& lines) {
    char separator = '\t';
    std::string line;
    bool in_formats = true;
    bool first_row = true;
    std::vector<std::string> cells;
    bool in_block = false;  // between T{ and T}
    while (lines.Next(line) && !line.starts_with(".TE")) {
      if (in_formats) {
        const std::string_view trimmed = TrimSpace(line);
        if (trimmed.ends_with(';')) {
          const size_t tab = trimmed.find("tab");
          const size_t open = tab == std::string_view::npos ? tab : trimmed.find('(', tab);
          if (open != std::string_view::npos && open + 1 < trimmed.size()) {
            separator = trimmed[open + 1];
          }
        }
        in_formats = !trimmed.ends_with('.');
        continue;
      }
      if (line.starts_with(".T&")) {
        in_formats = true;
        continue;
      }
      if (in_block) {
        if (!line.starts_with("T}")) {
          if (!cells.back().empty()) cells.back() += ' ';
          cells.back() += InlineText(line, lines);
          continue;
        }
        in_block = false;
        line = line.size() > 2 && line[2] == separator ? line.substr(3) : "";
        if (!line.empty()) AddCells(line, separator, lines, cells, in_block);
      } else {
        if (line == "_" || line == "=" || line.starts_with('.')) continue;
        AddCells(line, separator, lines, cells, in_block);
      }
      if (in_block) continue;
      builder_.TableRow(cells, first_row);
      first_row = first_row && builder_.empty();
      cells.clear();
    }
  }

  void AddCells(const std::string& line, char separator, const RoffLines& lines,
                std::vector<std::string>& cells, bool& in_block) const {
    for (size_t at = 0; at <= line.size();) {
      const size_t end = std::min(line.find(separator, at), line.size());
      const std::string cell = line.substr(at, end - at);
      in_block = cell == "T{";
      const bool rule = cell == "_" || cell == "\\_" || cell == "=";
      cells.push_back(in_block || rule ? "" : RenderRoffText(cell, lines.strings()));
      at = end + 1;
    }
  }

  // A line inside a cell, with requests for fonts.
  std::string InlineText(const std::string& line, const RoffLines& lines) const {
    if (!line.starts_with('.')) return RenderRoffText(line, lines.strings());
    const size_t end = std::min(line.find(' '), line.size());
    const std::string name = line.substr(1, end - 1);
    if (name != "B" && name != "I" && name.size() != 2) return "";
    std::string text;
    for (const std::string& argument : SplitRoffArguments(std::string_view(line).substr(end))) {
      if (name.size() == 1 && !text.empty()) text += ' ';
      text += argument;
    }
    return RenderRoffText(text, lines.strings());
  }

  DocumentBuilder builder_;
  std::string text_;             // of the open paragraph
  std::string code_;             // of the open display
  std::string tag_;              // of the open list item, until it is written
  std::string alternative_tag_;  // tags before it that share its text (.TQ)
  std::string link_;
  std::string page_name_;  // for mdoc's .Nm
  std::vector<std::string> mdoc_lists_;
  std::vector<bool> item_indents_;
  int indent_ = 0;  // .RS minus .RE
  int want_heading_ = 0;
  int heading_level_ = 1;
  bool want_tag_ = false;  // the next line of text is the tag
  bool in_item_ = false;
  bool verbatim_ = false;
  bool glue_ = false;  // no space before the next text
};

// "fork.2" -> ("fork", "2"); empty when the name is not that of a page.
std::pair<std::string, std::string> NameAndSection(const SourceFile& file) {
  const std::string name = std::filesystem::path(file.relative_path).filename().string();
  const size_t stop = name.rfind('.');
  if (stop == std::string::npos || stop == 0 || stop + 1 >= name.size() || name[stop + 1] < '1' ||
      name[stop + 1] > '9' || name.size() - stop > 8) {
    return {};
  }
  return {name.substr(0, stop), name.substr(stop + 1)};
}

class ManPageParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    if (NameAndSection(file).first.empty()) return false;
    for (const char* request : {".TH ", ".Dd ", ".Dt ", ".so ", ".SH ", ".Sh "}) {
      if (file.head.starts_with(request) ||
          file.head.find(std::string("\n") + request) != std::string::npos) {
        return true;
      }
    }
    return file.head.starts_with(".\\\"") || file.head.starts_with("'\\\"");
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string text, ReadCleanText(file));
    if (IsAlias(text)) return OkStatus();
    ParsedDocument document = ManRenderer().Render(text);
    const auto [name, section] = NameAndSection(file);
    document.id = name + "(" + section + ")";
    document.title = document.id;
    const std::string purpose = Purpose(document);
    if (!purpose.empty()) document.title += ": " + purpose;
    document.source = file.path.string();
    document.metadata["format"] = {std::string("man")};
    document.metadata["section"] = {section};
    return sink.Add(std::move(document));
  }

 private:
  // A page whose only request is ".so".
  static bool IsAlias(std::string_view text) {
    bool alias = false;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      const std::string_view line = text.substr(at, end - at);
      at = end + 1;
      if (line.empty() || line.starts_with(".\\\"") || line.starts_with("'\\\"")) continue;
      if (!line.starts_with(".so ")) return false;
      alias = true;
    }
    return alias;
  }

  // "create a child process", of the first paragraph, "fork - create a child process".
  static std::string Purpose(const ParsedDocument& document) {
    constexpr size_t kLongest = 100;
    for (const Block& block : document.blocks) {
      if (block.kind == BlockKind::kHeading) continue;
      const std::string text = document.text.substr(block.span.start, block.span.size());
      for (const std::string_view dash : {" - ", " – ", " — "}) {
        const size_t at = text.find(dash);
        if (at == std::string::npos) continue;
        const std::string purpose = CollapseSpace(text.substr(at + dash.size()));
        return purpose.size() <= kLongest ? purpose : "";
      }
      return "";
    }
    return "";
  }
};

}  // namespace

std::unique_ptr<Parser> MakeManPageParser() { return std::make_unique<ManPageParser>(); }

}  // namespace footnote::indexer
