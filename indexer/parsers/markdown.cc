// Markdown (CommonMark with tables) by md4c, rendered to text. The only file that knows md4c.
#include <md4c.h>

#include <limits>

#include "common/text/utf8.h"
#include "indexer/parsers/document_builder.h"
#include "indexer/parsers/front_matter.h"
#include "indexer/parsers/html_entities.h"
#include "indexer/parsers/parser.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

// Turns md4c's events into blocks.
class Renderer {
 public:
  ParsedDocument Render(std::string_view text) {
    MD_PARSER parser = {};
    parser.flags = MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_PERMISSIVEAUTOLINKS;
    parser.enter_block = [](MD_BLOCKTYPE type, void* detail, void* self) {
      return static_cast<Renderer*>(self)->EnterBlock(type, detail);
    };
    parser.leave_block = [](MD_BLOCKTYPE type, void* detail, void* self) {
      return static_cast<Renderer*>(self)->LeaveBlock(type, detail);
    };
    parser.enter_span = [](MD_SPANTYPE, void*, void*) { return 0; };
    parser.leave_span = [](MD_SPANTYPE, void*, void*) { return 0; };
    parser.text = [](MD_TEXTTYPE type, const MD_CHAR* piece, MD_SIZE size, void* self) {
      return static_cast<Renderer*>(self)->Text(type, std::string_view(piece, size));
    };
    // The callbacks never ask it to stop, so only memory could make it fail.
    md_parse(text.data(), static_cast<MD_SIZE>(text.size()), &parser, this);
    Flush();
    return builder_.Finish();
  }

 private:
  struct List {
    bool ordered = false;
    unsigned next = 1;
  };

  int EnterBlock(MD_BLOCKTYPE type, void* detail) {
    switch (type) {
      case MD_BLOCK_UL:
        Flush();
        lists_.push_back({});
        break;
      case MD_BLOCK_OL:
        Flush();
        lists_.push_back({true, static_cast<MD_BLOCK_OL_DETAIL*>(detail)->start});
        break;
      case MD_BLOCK_LI:
        item_begins_ = true;
        break;
      case MD_BLOCK_CODE:
      case MD_BLOCK_HTML:
        Flush();
        verbatim_ = true;
        break;
      case MD_BLOCK_TABLE:
        Flush();
        first_row_ = true;
        break;
      case MD_BLOCK_TR:
        cells_.clear();
        break;
      default:
        break;
    }
    return 0;
  }

  int LeaveBlock(MD_BLOCKTYPE type, void* detail) {
    switch (type) {
      case MD_BLOCK_UL:
      case MD_BLOCK_OL:
        Flush();
        if (!lists_.empty()) lists_.pop_back();
        break;
      case MD_BLOCK_LI:
        Flush();
        item_begins_ = false;
        break;
      case MD_BLOCK_H:
        builder_.Heading(static_cast<int>(static_cast<MD_BLOCK_H_DETAIL*>(detail)->level), text_);
        text_.clear();
        break;
      case MD_BLOCK_CODE:
        builder_.Code(text_);
        text_.clear();
        verbatim_ = false;
        break;
      case MD_BLOCK_HTML:  // markup between the text: its words stand in the blocks around it
        text_.clear();
        verbatim_ = false;
        break;
      case MD_BLOCK_TH:
      case MD_BLOCK_TD:
        cells_.push_back(text_);
        text_.clear();
        break;
      case MD_BLOCK_TR:
        builder_.TableRow(cells_, first_row_);
        first_row_ = false;
        break;
      case MD_BLOCK_P:
        Flush();
        break;
      default:
        break;
    }
    return 0;
  }

  int Text(MD_TEXTTYPE type, std::string_view piece) {
    switch (type) {
      case MD_TEXT_BR:
        text_ += '\n';
        break;
      case MD_TEXT_SOFTBR:
        text_ += verbatim_ ? '\n' : ' ';
        break;
      case MD_TEXT_NULLCHAR:
        AppendUtf8(kReplacementCharacter, text_);
        break;
      case MD_TEXT_ENTITY:
        AppendEntity(piece, text_);
        break;
      case MD_TEXT_HTML:
        break;
      default:
        text_ += piece;
    }
    return 0;
  }

  // Ends the inline text collected so far as a paragraph or a list item.
  void Flush() {
    if (TrimSpace(text_).empty()) {
      text_.clear();
      return;
    }
    if (lists_.empty()) {
      builder_.Paragraph(text_);
    } else {
      const int depth = static_cast<int>(lists_.size());
      if (item_begins_) {
        List& list = lists_.back();
        builder_.ListItem(depth, list.ordered ? std::to_string(list.next++) + "." : "-", text_);
        item_begins_ = false;
      } else {
        builder_.ListContinuation(depth, text_);
      }
    }
    text_.clear();
  }

  DocumentBuilder builder_;
  std::string text_;  // inline text of the open block
  std::vector<List> lists_;
  std::vector<std::string> cells_;
  bool item_begins_ = false;  // no text of the open list item was written yet
  bool first_row_ = false;
  bool verbatim_ = false;
};

class MarkdownParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    return HasExtension(file, ".md") || HasExtension(file, ".markdown") ||
           HasExtension(file, ".mdx");
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string text, ReadCleanText(file));
    const FrontMatter header = ReadFrontMatter(text);
    ParsedDocument document = Renderer().Render(std::string_view(text).substr(header.body_start));
    for (const auto& [key, value] : header.values) document.metadata[key] = {value};
    document.metadata["format"] = {std::string("markdown")};
    document.metadata.erase("title");
    const auto title = header.values.find("title");
    if (title != header.values.end()) document.title = title->second;
    for (const Block& block : document.blocks) {
      if (!document.title.empty()) break;
      if (block.kind == BlockKind::kHeading) document.title = block.heading;
    }
    if (document.title.empty()) document.title = FileStem(file);
    document.id = file.relative_path;
    document.source = file.path.string();
    return sink.Add(std::move(document));
  }
};

}  // namespace

std::unique_ptr<Parser> MakeMarkdownParser() { return std::make_unique<MarkdownParser>(); }

}  // namespace footnote::indexer
