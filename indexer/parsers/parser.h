// A parser knows one format. The list of all is parsers.def; a new format is one file and one line
// there.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/call_context.h"
#include "common/status.h"
#include "indexer/parsers/parsed_document.h"

namespace footnote::indexer {

// A document's text is never larger; neither is a file that is read whole.
inline constexpr uint64_t kMaxDocumentBytes = uint64_t{256} << 20;

// What they may have in this run, and what to do about larger ones.
struct SizeLimit {
  uint64_t bytes = kMaxDocumentBytes;
  std::string why = "the limit for one document";
  std::string remedy = "split it into several";
};

// RESOURCE_EXHAUSTED: "the file is larger than 256 MB, the limit for one document: split it into
// several".
Status TooLargeError(const std::string& what, const SizeLimit& limit);

struct SourceFile {
  std::filesystem::path path;
  std::string relative_path;  // to the source it was found in, with '/': the document id
  uint64_t size = 0;
  SizeLimit limit{};
  std::string head;                         // the first 16 KiB
  int archives_around = 0;                  // how many archives it was unpacked from
  std::shared_ptr<uint64_t> unpack_budget;  // bytes that the outermost one may still unpack to
};

// Takes documents one by one, so that a file of many is never whole in memory.
class DocumentSink {
 public:
  virtual ~DocumentSink() = default;

  // Errors end the parse; they are the run's (cancelled, disk full), not the document's.
  virtual Status Add(ParsedDocument document) = 0;

  // A document that could not be read; the parse goes on. `id` may be empty when it is not known.
  virtual void Fail(const std::string& source, const std::string& id, const Status& error) = 0;
};

class Parser {
 public:
  virtual ~Parser() = default;

  // By name and content.
  virtual bool Accepts(const SourceFile& file) const = 0;

  // The file is one document, whose id is its relative path: a run that does not want that document
  // need not parse the file.
  virtual bool IdIsPath() const { return false; }

  // Errors: the sink's, or what is wrong with the file as a whole.
  virtual Status Parse(const SourceFile& file, DocumentSink& sink) const = 0;
};

// The first parser of parsers.def that accepts the file; INVALID_ARGUMENT "not text" when none
// does.
StatusOr<const Parser*> FindParser(const SourceFile& file);

// The whole file as it is. RESOURCE_EXHAUSTED above its limit.
StatusOr<std::string> ReadBytes(const SourceFile& file);

// The whole file as clean UTF-8 (see cleaner.h). RESOURCE_EXHAUSTED above its limit.
StatusOr<std::string> ReadCleanText(const SourceFile& file);

// "user.md" -> "user".
std::string FileStem(const SourceFile& file);

// True when the file's name ends so; `extension` in lower case, with its full stop.
bool HasExtension(const SourceFile& file, std::string_view extension);

}  // namespace footnote::indexer
