// Word documents (DOCX): headings, clauses with their automatic numbers, lists, tables, notes.
// Shown is what a reader sees with all tracked changes accepted; headers, footers and comments are
// left out.
#include "indexer/parsers/document_properties.h"
#include "indexer/parsers/docx_blocks.h"
#include "indexer/parsers/office_package.h"

namespace footnote::indexer {
namespace {

class DocxParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    return IsOfficeFile(file, "word/", {".docx", ".docm", ".dotx", ".dotm"});
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    FOOTNOTE_ASSIGN_OR_RETURN(const Package package, ReadOfficePackage(file));
    const std::string main = MainPart(package, "word/document.xml");
    FOOTNOTE_ASSIGN_OR_RETURN(const XmlDocument document, ParsePart(package, main));
    const XmlNode body = document.root().child("body");
    if (!body) return InvalidArgumentError("it is not a Word document: it has no body");

    const OptionalParts optional(package, main);
    DocumentBuilder builder;
    DocxBlocks(optional.roots(), builder).Write(body);
    return sink.Add(FinishDocument(builder, file, ReadProperties(package), "docx"));
  }

 private:
  // Parts that the document refers to; one that is missing or damaged costs what it says, not the
  // document.
  class OptionalParts {
   public:
    OptionalParts(const Package& package, std::string_view main) {
      for (const auto& [id, each] : ReadRelationships(package, main)) {
        if (each.type != "styles" && each.type != "numbering" && each.type != "footnotes" &&
            each.type != "endnotes") {
          continue;
        }
        StatusOr<XmlDocument> part = ParsePart(package, each.target);
        if (part.ok()) parts_.emplace(each.type, std::move(part).value());
      }
    }

    DocxBlocks::Parts roots() const {
      return {Root("styles"), Root("numbering"), Root("footnotes"), Root("endnotes")};
    }

   private:
    XmlNode Root(std::string_view type) const {
      const auto found = parts_.find(type);
      return found == parts_.end() ? XmlNode() : found->second.root();
    }

    std::map<std::string, XmlDocument, std::less<>> parts_;
  };
};

}  // namespace

std::unique_ptr<Parser> MakeDocxParser() { return std::make_unique<DocxParser>(); }

}  // namespace footnote::indexer
