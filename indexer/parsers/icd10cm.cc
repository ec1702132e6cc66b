// ICD-10-CM's tabular list (XML): one document for each three-character category, with its
// subcategories, what they include and exclude, and their notes.
#include <pugixml.hpp>

#include "indexer/parsers/document_builder.h"
#include "indexer/parsers/parser.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

struct NoteKind {
  const char* element;
  const char* label;
};

// Children of a code that hold notes, in the order they are printed.
constexpr NoteKind kNoteKinds[] = {
    {"notes", "Note"},
    {"includes", "Includes"},
    {"inclusionTerm", "Includes"},
    {"codeFirst", "Code first"},
    {"useAdditionalCode", "Use additional code"},
    {"codeAlso", "Code also"},
    {"excludes1", "Excludes1, never coded together with it"},
    {"excludes2", "Excludes2, not included here"},
    {"sevenChrNote", "Seventh character"},
};

std::string TextOf(const pugi::xml_node& node) { return CollapseSpace(node.text().get()); }

void AddNotes(const pugi::xml_node& code, const std::string& name, DocumentBuilder& builder) {
  for (const NoteKind& kind : kNoteKinds) {
    std::vector<std::string> notes;
    for (const pugi::xml_node& group : code.children(kind.element)) {
      for (const pugi::xml_node& note : group.children("note")) notes.push_back(TextOf(note));
    }
    if (notes.empty()) continue;
    if (notes.size() == 1) {
      builder.Paragraph(name + ", " + kind.label + ": " + notes[0]);
      continue;
    }
    builder.Paragraph(name + ", " + kind.label + ":");
    for (const std::string& note : notes) builder.ListItem(1, "-", note);
  }
  for (const pugi::xml_node& definition : code.children("sevenChrDef")) {
    builder.Paragraph(name + ", seventh characters:");
    for (const pugi::xml_node& extension : definition.children("extension")) {
      builder.ListItem(1, extension.attribute("char").value(), TextOf(extension));
    }
  }
}

std::string NameOf(const pugi::xml_node& code) {
  return CollapseSpace(code.child_value("name")) + " " + CollapseSpace(code.child_value("desc"));
}

// Codes below the category, each a heading one level deeper.
void AddSubcategories(const pugi::xml_node& code, int level, DocumentBuilder& builder) {
  constexpr int kDeepest = 6;  // a code has at most seven characters
  for (const pugi::xml_node& child : code.children("diag")) {
    builder.Heading(level, NameOf(child));
    AddNotes(child, CollapseSpace(child.child_value("name")), builder);
    if (level < kDeepest) AddSubcategories(child, level + 1, builder);
  }
}

class Icd10CmParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    return file.head.find("<ICD10CM.tabular") != std::string::npos;
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string text, ReadCleanText(file));
    pugi::xml_document xml;
    const pugi::xml_parse_result parsed =
        xml.load_buffer(text.data(), text.size(), pugi::parse_default, pugi::encoding_utf8);
    if (!parsed) {
      return InvalidArgumentError("not well-formed XML at byte " + std::to_string(parsed.offset) +
                                  ": " + parsed.description());
    }
    const pugi::xml_node root = xml.child("ICD10CM.tabular");
    for (const pugi::xml_node& chapter : root.children("chapter")) {
      for (const pugi::xml_node& section : chapter.children("section")) {
        for (const pugi::xml_node& category : section.children("diag")) {
          FOOTNOTE_RETURN_IF_ERROR(AddCategory(file, chapter, section, category, sink));
        }
      }
    }
    return OkStatus();
  }

 private:
  static Status AddCategory(const SourceFile& file, const pugi::xml_node& chapter,
                            const pugi::xml_node& section, const pugi::xml_node& category,
                            DocumentSink& sink) {
    const std::string code = CollapseSpace(category.child_value("name"));
    const std::string title = NameOf(category);
    if (code.empty()) return OkStatus();
    DocumentBuilder builder;
    builder.Paragraph(title + " is a category of ICD-10-CM in \"" +
                      CollapseSpace(section.child_value("desc")) + "\".");
    AddNotes(category, code, builder);
    AddSubcategories(category, 1, builder);
    ParsedDocument document = builder.Finish();
    document.id = "ICD10CM:" + code;
    document.title = title;
    document.source = file.path.string();
    document.source_bytes_end = static_cast<uint64_t>(category.offset_debug());
    document.metadata["format"] = {std::string("icd10cm")};
    document.metadata["code"] = {code};
    document.metadata["chapter"] = {CollapseSpace(chapter.child_value("desc"))};
    document.metadata["section"] = {CollapseSpace(section.child_value("desc"))};
    return sink.Add(std::move(document));
  }
};

}  // namespace

std::unique_ptr<Parser> MakeIcd10CmParser() { return std::make_unique<Icd10CmParser>(); }

}  // namespace footnote::indexer
