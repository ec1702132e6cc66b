#include <algorithm>
#include <cctype>

#include "common/file.h"
#include "indexer/parsers/parser.h"
#include "indexer/text/charset.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {

#define FOOTNOTE_PARSER(name) std::unique_ptr<Parser> Make##name##Parser();
#define FOOTNOTE_BINARY_PARSER(name) FOOTNOTE_PARSER(name)
#include "indexer/parsers/parsers.def"
#undef FOOTNOTE_PARSER
#undef FOOTNOTE_BINARY_PARSER

namespace {

struct Registered {
  std::unique_ptr<Parser> parser;
  bool is_binary;
};

std::vector<Registered> MakeParsers() {
  std::vector<Registered> parsers;
#define FOOTNOTE_PARSER(name) parsers.push_back({Make##name##Parser(), false});
#define FOOTNOTE_BINARY_PARSER(name) parsers.push_back({Make##name##Parser(), true});
#include "indexer/parsers/parsers.def"
#undef FOOTNOTE_PARSER
#undef FOOTNOTE_BINARY_PARSER
  return parsers;
}

// What people would call the file, by its first bytes, and what they can do about it; empty when
// they are no known mark.
struct BinaryKind {
  std::string_view mark;
  std::string_view name;
  std::string_view remedy;
};

constexpr std::string_view kConvert = "convert it to PDF, DOCX, HTML or text, or leave it out";
constexpr BinaryKind kBinaryKinds[] = {
    {"%PDF-", "a PDF file", kConvert},
    {"%!PS", "a PostScript file", "convert it to PDF (ps2pdf), or leave it out"},
    {"PK\x03\x04", "a zip archive", kConvert},
    {"\xD0\xCF\x11\xE0", "a Word, Excel or PowerPoint file from before 2007",
     "save it as DOCX, XLSX or PPTX, or leave it out"},
    {"\x1F\x8B", "a gzip file", kConvert},
    {"\x89PNG", "a PNG image", "images are not read; leave it out"},
    {"\xFF\xD8\xFF", "a JPEG image", "images are not read; leave it out"},
    {"GIF8", "a GIF image", "images are not read; leave it out"},
    {"\x7F"
     "ELF",
     "an executable", "leave it out"},
};

Status NotText(std::string_view head) {
  for (const BinaryKind& kind : kBinaryKinds) {
    if (head.starts_with(kind.mark)) {
      return InvalidArgumentError("not text: it looks like " + std::string(kind.name) + "; " +
                                  std::string(kind.remedy));
    }
  }
  return InvalidArgumentError("not text: it looks like binary data; " + std::string(kConvert));
}

bool HasBinaryMark(std::string_view head) {
  return std::any_of(std::begin(kBinaryKinds), std::end(kBinaryKinds),
                     [&](const BinaryKind& kind) { return head.starts_with(kind.mark); });
}

}  // namespace

StatusOr<const Parser*> FindParser(const SourceFile& file) {
  static const std::vector<Registered> parsers = MakeParsers();
  const bool is_text = !HasBinaryMark(file.head) && LooksLikeText(file.head);
  for (const Registered& each : parsers) {
    if ((is_text || each.is_binary) && each.parser->Accepts(file)) return each.parser.get();
  }
  return is_text ? InvalidArgumentError("no parser knows this kind of file") : NotText(file.head);
}

Status TooLargeError(const std::string& what, const SizeLimit& limit) {
  return ResourceExhaustedError(what + " is larger than " + std::to_string(limit.bytes >> 20) +
                                " MB, " + limit.why + ": " + limit.remedy);
}

StatusOr<std::string> ReadBytes(const SourceFile& file) {
  if (file.size > file.limit.bytes) return TooLargeError("the file", file.limit);
  return ReadFile(file.path, file.limit.bytes);
}

StatusOr<std::string> ReadCleanText(const SourceFile& file) {
  FOOTNOTE_ASSIGN_OR_RETURN(std::string bytes, ReadBytes(file));
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
