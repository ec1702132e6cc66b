// RTF: paragraphs, headings by outline level or style, lists, tables, footnotes. Hidden and deleted
// text is left out.
//
// Source: Rich Text Format Specification 1.9.1.
#include <algorithm>
#include <utility>

#include "indexer/parsers/parser.h"
#include "indexer/parsers/rtf_blocks.h"
#include "indexer/parsers/rtf_reader.h"
#include "indexer/parsers/rtf_tables.h"
#include "indexer/parsers/rtf_text.h"
#include "indexer/parsers/rtf_words.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

using Kind = RtfToken::Kind;

constexpr size_t kMostGroups = 10000;  // nested; Word refuses far fewer
constexpr int kMostListDepth = 9;
constexpr int kMostFallback = 16;  // characters; writers use one or two

// Lines without white space around them, blank ones gone.
std::string TidyLines(std::string_view text) {
  std::string tidy;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string line = CollapseSpace(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && !tidy.empty()) tidy += '\n';
    tidy += line;
  }
  return tidy;
}

// What a group is for.
enum class Destination { kText, kSkip, kFontTable, kStyleSheet, kInfo };

// Groups whose text is put aside while the paragraph around them goes on.
enum class Aside { kNote, kListMark, kTitle, kAuthor };

// What the end of a group undoes.
struct Group {
  Destination destination = Destination::kText;
  int fallback = 1;  // characters behind \u that stand for it
  int32_t font = -1;
  int32_t style = 0;
  int32_t outline = -1;
  int list_level = 0;
  bool hidden = false;
  bool deleted = false;
  bool in_table = false;
};

class Renderer {
 public:
  StatusOr<ParsedDocument> Render(std::string_view bytes) {
    RtfReader reader(bytes);
    for (RtfToken token = reader.Next(); token.kind != Kind::kEnd; token = reader.Next()) {
      if (token.kind == Kind::kGroupStart) {
        if (groups_.size() >= kMostGroups) {
          return InvalidArgumentError("its groups are nested too deep");
        }
        groups_.push_back(group_);
        begins_ = true;
        optional_ = false;
        skip_ = 0;
        continue;
      }
      if (token.kind == Kind::kGroupEnd) {
        EndGroup();
      } else {
        Take(token);
      }
    }
    while (!groups_.empty()) EndGroup();  // the file was cut off
    EndParagraph();
    ParsedDocument document = blocks_.Finish();
    document.title = title_;
    if (!author_.empty()) document.metadata["author"] = {author_};
    return document;
  }

 private:
  struct OpenAside {
    Aside kind;
    size_t depth;  // of its group
    int note = 0;  // number of a footnote
    RtfText around;
  };

  void Take(const RtfToken& token) {
    if (token.kind == Kind::kSymbol && token.text == "*" && begins_) {
      optional_ = true;  // the next word names what a program that does not know it must skip
      return;
    }
    const bool begins = std::exchange(begins_, false);
    if (skip_ > 0 && TakeFallback(token)) return;
    switch (token.kind) {
      case Kind::kWord:
        if (begins && BeginDestination(token.text)) return;
        Word(token);
        break;
      case Kind::kSymbol:
        if (token.text == "\r" || token.text == "\n") {
          Break();
        } else {
          AddCharacter(CharacterOfWord(token.text));
        }
        break;
      case Kind::kByte: {
        const auto byte = static_cast<char>(token.number);
        Bytes(std::string_view(&byte, 1));
        break;
      }
      default:
        Bytes(token.text);
    }
  }

  // Whether the token only stands for a character that \u gave.
  bool TakeFallback(const RtfToken& token) {
    if (token.kind != Kind::kText) {
      --skip_;
      return true;
    }
    const size_t skipped = std::min(static_cast<size_t>(skip_), token.text.size());
    skip_ = 0;
    Bytes(token.text.substr(skipped));
    return true;
  }

  // The first word of a group; true when it names what the group is for.
  bool BeginDestination(std::string_view word) {
    const bool optional = std::exchange(optional_, false);
    if (group_.destination == Destination::kSkip) return true;
    if (group_.destination == Destination::kInfo) {
      if (word == "title") return BeginAside(Aside::kTitle);
      if (word == "author") return BeginAside(Aside::kAuthor);
    }
    if (word == "fonttbl") return Begin(Destination::kFontTable);
    if (word == "stylesheet") return Begin(Destination::kStyleSheet);
    if (word == "info") return Begin(Destination::kInfo);
    if (word == "listtext" || word == "pntext") return BeginAside(Aside::kListMark);
    if (word == "footnote") {
      if (!Shows()) return Begin(Destination::kSkip);
      AddCharacter("[" + std::to_string(next_note_) + "]");
      return BeginAside(Aside::kNote, next_note_++);
    }
    if (word == "shptxt") return BeginAside(Aside::kNote);
    if (word == "shpinst") return true;
    if (optional || IsSkippedDestination(word)) return Begin(Destination::kSkip);
    return false;
  }

  bool Begin(Destination destination) {
    group_.destination = destination;
    return true;
  }

  bool BeginAside(Aside kind, int note = 0) {
    group_.destination = Destination::kText;
    group_.in_table = false;
    asides_.push_back({kind, groups_.size(), note, std::exchange(text_, RtfText())});
    return true;
  }

  void EndGroup() {
    begins_ = false;
    optional_ = false;
    skip_ = 0;
    if (groups_.empty()) return;  // one "}" too many
    if (!asides_.empty() && asides_.back().depth == groups_.size()) EndAside();
    if (groups_.size() == 1) EndParagraph();  // the last one needs no \par
    group_ = groups_.back();
    groups_.pop_back();
  }

  void EndAside() {
    const std::string text = TidyLines(text_.Take());
    text_ = std::move(asides_.back().around);
    const Aside kind = asides_.back().kind;
    const int note = asides_.back().note;
    asides_.pop_back();
    switch (kind) {
      case Aside::kNote:
        if (text.empty()) break;
        blocks_.AddNote(note == 0 ? text : "[" + std::to_string(note) + "] " + text);
        break;
      case Aside::kListMark:
        // A picture of a font of symbols has no text; Word's "o" is a picture, too.
        blocks_.SetMark(text.empty() || text == "o" ? "•" : text);
        break;
      case Aside::kTitle:
        title_ = CollapseSpace(text);
        break;
      case Aside::kAuthor:
        author_ = CollapseSpace(text);
        break;
    }
  }

  void Word(const RtfToken& token) {
    const std::string_view word = token.text;
    const bool on = !token.has_number || token.number != 0;
    if (word == "u") {
      if (Shows()) text_.AddUnit(token.number, Charset());
      skip_ = group_.fallback;
    } else if (word == "uc") {
      group_.fallback = token.has_number ? std::clamp(token.number, 0, kMostFallback) : 1;
    } else if (word == "ansicpg") {
      if (std::string charset = CharsetOfCodePage(token.number); !charset.empty()) {
        charset_ = std::move(charset);
      }
    } else if (word == "mac" || word == "pc" || word == "pca") {
      charset_ = CharsetOfCodePage(word == "mac" ? 10000 : word == "pc" ? 437 : 850);
    } else if (word == "deff") {
      default_font_ = token.number;
    } else if (word == "f") {
      group_.font = token.number;
    } else if (word == "fcharset" || word == "cpg") {
      if (group_.destination == Destination::kFontTable) {
        tables_.SetFontCharset(group_.font, word == "cpg" ? CharsetOfCodePage(token.number)
                                                          : CharsetOfFont(token.number));
      }
    } else if (word == "s") {
      group_.style = token.number;
    } else if (word == "outlinelevel") {
      group_.outline = token.number;
      if (group_.destination == Destination::kStyleSheet) {
        tables_.SetStyleOutline(group_.style, token.number);
      }
    } else if (word == "ilvl") {
      group_.list_level = std::clamp(token.number, 0, kMostListDepth - 1);
    } else if (word == "v") {
      group_.hidden = on;
    } else if (word == "deleted") {
      group_.deleted = on;
    } else if (word == "plain") {
      group_.hidden = group_.deleted = false;
      group_.font = default_font_;
    } else if (word == "pard") {
      group_.style = 0;
      group_.outline = -1;
      group_.list_level = 0;
      group_.in_table = false;
    } else if (word == "intbl") {
      group_.in_table = true;
    } else if (word == "par" || word == "sect" || word == "page") {
      Break();
    } else if (word == "cell") {
      if (IsInTable()) blocks_.EndCell(TakeLines());
    } else if (word == "nestcell" || word == "nestrow") {
      AddCharacter(" ");
    } else if (word == "row") {
      if (IsInTable()) blocks_.EndRow();
    } else {
      AddCharacter(CharacterOfWord(word));
    }
  }

  bool Shows() const {
    return group_.destination == Destination::kText && !group_.hidden && !group_.deleted;
  }

  std::string_view Charset() const {
    return tables_.Charset(group_.font >= 0 ? group_.font : default_font_, charset_);
  }

  void Bytes(std::string_view bytes) {
    if (Shows()) {
      text_.AddBytes(bytes, Charset());
    } else if (group_.destination == Destination::kFontTable) {
      tables_.AddFontName(group_.font, bytes);
    } else if (group_.destination == Destination::kStyleSheet) {
      tables_.AddStyleName(group_.style, bytes);
    }
  }

  void AddCharacter(std::string_view utf8) {
    if (!utf8.empty() && Shows()) text_.Add(utf8);
  }

  std::string TakeLines() { return TidyLines(text_.Take()); }

  // The end of a paragraph.
  void Break() {
    if (group_.destination != Destination::kText || group_.deleted) return;
    if (!asides_.empty()) {
      text_.Add("\n");
    } else if (group_.in_table) {
      blocks_.EndCellParagraph(TakeLines());
    } else {
      EndParagraph();
    }
  }

  void EndParagraph() {
    blocks_.EndParagraph(TakeLines(), tables_.HeadingLevel(group_.style, group_.outline),
                         group_.list_level);
  }

  bool IsInTable() const { return group_.destination == Destination::kText && asides_.empty(); }

  RtfBlocks blocks_;
  RtfTables tables_;
  std::vector<Group> groups_;  // around the open one
  Group group_;
  std::vector<OpenAside> asides_;  // innermost last
  std::string charset_ = "windows-1252";
  int32_t default_font_ = -1;
  bool begins_ = false;    // nothing of the open group was read yet
  bool optional_ = false;  // it began with \*
  int skip_ = 0;           // characters that \u makes superfluous
  RtfText text_;           // of the open paragraph or aside
  int next_note_ = 1;
  std::string title_;
  std::string author_;
};

class RtfParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override { return file.head.starts_with("{\\rtf"); }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string bytes, ReadBytes(file));
    FOOTNOTE_ASSIGN_OR_RETURN(ParsedDocument document, Renderer().Render(bytes));
    for (const Block& block : document.blocks) {
      if (!document.title.empty()) break;
      if (block.kind == BlockKind::kHeading) document.title = block.heading;
    }
    if (document.title.empty()) document.title = FileStem(file);
    document.id = file.relative_path;
    document.source = file.path.string();
    document.metadata["format"] = {std::string("rtf")};
    return sink.Add(std::move(document));
  }
};

}  // namespace

std::unique_ptr<Parser> MakeRtfParser() { return std::make_unique<RtfParser>(); }

}  // namespace footnote::indexer
