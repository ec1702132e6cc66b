// OBO ontologies (obo-format 1.2 and 1.4): one document for each live [Term] with a name; its
// definition, synonyms, parents and comment as sentences. Streamed.
#include <utility>

#include "indexer/parsers/document_builder.h"
#include "indexer/parsers/parser.h"
#include "indexer/text/charset.h"
#include "indexer/text/cleaner.h"
#include "indexer/text/line_reader.h"

namespace footnote::indexer {
namespace {

struct Term {
  std::string id;
  std::string name;
  std::string definition;
  std::string comment;
  std::string name_space;
  std::vector<std::string> synonyms;
  std::vector<std::string> parents;  // "name (id)"
  std::vector<std::string> cross_references;
  bool obsolete = false;
};

// The text between the first pair of quotation marks, escapes resolved.
std::string Quoted(std::string_view value) {
  const size_t open = value.find('"');
  if (open == std::string_view::npos) return std::string(TrimSpace(value));
  std::string text;
  for (size_t i = open + 1; i < value.size() && value[i] != '"'; ++i) {
    if (value[i] == '\\' && i + 1 < value.size()) {
      ++i;
      text += value[i] == 'n' ? '\n' : value[i] == 't' ? '\t' : value[i];
    } else {
      text += value[i];
    }
  }
  return CollapseSpace(text);
}

// "HP:0001507 ! Growth abnormality" -> "Growth abnormality (HP:0001507)".
std::string Reference(std::string_view value) {
  const size_t mark = value.find(" ! ");
  if (mark == std::string_view::npos) return std::string(TrimSpace(value));
  std::string_view id = value.substr(0, mark);
  id = id.substr(0, id.find_first_of(" {"));
  return std::string(TrimSpace(value.substr(mark + 3))) + " (" + std::string(id) + ")";
}

std::string Join(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) {
    if (!text.empty()) text += "; ";
    text += item;
  }
  return text;
}

void ReadTag(std::string_view line, Term& term) {
  const size_t colon = line.find(": ");
  if (colon == std::string_view::npos) return;
  const std::string_view tag = line.substr(0, colon);
  const std::string_view value = TrimSpace(line.substr(colon + 2));
  if (tag == "id") term.id = value.substr(0, value.find_first_of(" \t"));
  if (tag == "name") term.name = CollapseSpace(value);
  if (tag == "def") term.definition = Quoted(value);
  if (tag == "comment") term.comment = CollapseSpace(value);
  if (tag == "namespace") term.name_space = value;
  if (tag == "synonym") term.synonyms.push_back(Quoted(value));
  if (tag == "is_a") term.parents.push_back(Reference(value));
  if (tag == "xref") term.cross_references.emplace_back(value.substr(0, value.find(' ')));
  if (tag == "is_obsolete") term.obsolete = value.starts_with("true");
}

ParsedDocument ToDocument(const Term& term) {
  DocumentBuilder builder;
  builder.Paragraph(term.name + " (" + term.id + ")" +
                    (term.definition.empty() ? "." : ": " + term.definition));
  if (!term.synonyms.empty()) builder.Paragraph("Also called: " + Join(term.synonyms) + ".");
  if (!term.parents.empty()) builder.Paragraph("Is a kind of: " + Join(term.parents) + ".");
  builder.Paragraph(term.comment);
  ParsedDocument document = builder.Finish();
  document.id = term.id;
  document.title = term.name;
  document.metadata["format"] = {std::string("obo")};
  if (!term.name_space.empty()) document.metadata["namespace"] = {term.name_space};
  for (const std::string& reference : term.cross_references) {
    document.metadata["xref"].emplace_back(reference);
  }
  return document;
}

class OboParser : public Parser {
 public:
  bool Accepts(const SourceFile& file) const override {
    return file.head.find("format-version:") < 4096 &&
           (HasExtension(file, ".obo") || file.head.find("\n[Term]") != std::string::npos);
  }

  Status Parse(const SourceFile& file, DocumentSink& sink) const override {
    constexpr uint64_t kMaxLineBytes = 16 << 20;
    FOOTNOTE_ASSIGN_OR_RETURN(LineReader reader, LineReader::Open(file.path, kMaxLineBytes));
    std::string line;
    Term term;
    bool in_term = false;
    const auto finish = [&]() -> Status {
      const Term done = std::exchange(term, Term());
      if (!std::exchange(in_term, false) || done.obsolete || done.id.empty() || done.name.empty()) {
        return OkStatus();
      }
      ParsedDocument document = ToDocument(done);
      document.source = file.path.string();
      document.source_bytes_end = reader.bytes_read();
      return sink.Add(std::move(document));
    };
    while (true) {
      const LineReader::Result result = reader.Next(line);
      if (result == LineReader::Result::kEnd) break;
      if (result == LineReader::Result::kTooLong) {
        sink.Fail(file.path.string() + ":" + std::to_string(reader.line_number()), term.id,
                  ResourceExhaustedError("the line is larger than 16 MB"));
        continue;
      }
      if (line.starts_with('[')) {
        FOOTNOTE_RETURN_IF_ERROR(finish());
        in_term = line.starts_with("[Term]");
      } else if (in_term) {
        ReadTag(CleanText(DecodeToUtf8(line)), term);
      }
    }
    if (reader.failed()) return UnavailableError("the file could not be read to its end");
    return finish();
  }
};

}  // namespace

std::unique_ptr<Parser> MakeOboParser() { return std::make_unique<OboParser>(); }

}  // namespace footnote::indexer
