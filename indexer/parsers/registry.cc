#include <algorithm>
#include <cctype>

#include "common/file.h"
#include "indexer/parsers/parser.h"
#include "indexer/text/charset.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {

#define FOOTNOTE_PARSER(name) std::unique_ptr<Parser> Make##name##Parser();
#include "indexer/parsers/parsers.def"
#undef FOOTNOTE_PARSER

namespace {

std::vector<std::unique_ptr<Parser>> MakeParsers() {
  std::vector<std::unique_ptr<Parser>> parsers;
#define FOOTNOTE_PARSER(name) parsers.push_back(Make##name##Parser());
#include "indexer/parsers/parsers.def"
#undef FOOTNOTE_PARSER
  return parsers;
}

// What people would call the file, by its first bytes; empty when they are no known mark.
std::string_view BinaryKind(std::string_view head) {
  if (head.starts_with("%PDF-")) return "a PDF file";
  if (head.starts_with("PK\x03\x04")) return "a zip archive, DOCX or EPUB file";
  if (head.starts_with("\x1F\x8B")) return "a gzip file";
  if (head.starts_with("\x89PNG")) return "a PNG image";
  if (head.starts_with("\xFF\xD8\xFF")) return "a JPEG image";
  if (head.starts_with("\x7F"
                       "ELF"))
    return "an executable";
  return "";
}

}  // namespace

StatusOr<const Parser*> FindParser(const SourceFile& file) {
  static const std::vector<std::unique_ptr<Parser>> parsers = MakeParsers();
  const std::string_view kind = BinaryKind(file.head);
  if (!kind.empty() || !LooksLikeText(file.head)) {
    return InvalidArgumentError("not text: it looks like " +
                                std::string(kind.empty() ? "binary data" : kind) +
                                "; convert it to text, Markdown or HTML, or leave it out");
  }
  for (const auto& parser : parsers) {
    if (parser->Accepts(file)) return parser.get();
  }
  return InvalidArgumentError("no parser knows this kind of file");
}

StatusOr<std::string> ReadCleanText(const SourceFile& file) {
  if (file.size > kMaxDocumentBytes) {
    return ResourceExhaustedError(
        "the file is larger than 256 MB, the limit for one document; "
        "split it into several");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(std::string bytes, ReadFile(file.path, kMaxDocumentBytes));
  if (!LooksLikeText(bytes)) {
    return InvalidArgumentError("not text: it has zero bytes or many control characters");
  }
  return CleanText(DecodeToUtf8(std::move(bytes)));
}

std::string FileStem(const SourceFile& file) {
  return std::filesystem::path(file.relative_path).stem().string();
}

bool HasExtension(const SourceFile& file, std::string_view extension) {
  const std::string& name = file.relative_path;
  return name.size() > extension.size() &&
         std::equal(extension.begin(), extension.end(), name.end() - extension.size(),
                    [](char wanted, char c) {
                      return wanted == std::tolower(static_cast<unsigned char>(c));
                    });
}

}  // namespace footnote::indexer
