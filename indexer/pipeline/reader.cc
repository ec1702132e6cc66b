#include "indexer/pipeline/reader.h"

#include <algorithm>
#include <fstream>

#include "common/sha256.h"
#include "common/text/utf8.h"
#include "indexer/chunking/chunker.h"

namespace footnote::indexer {
namespace {

constexpr size_t kHeadBytes = 16 << 10;

StatusOr<std::string> ReadHead(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoError("cannot open the file", errno == 0 ? EIO : errno);
  std::string head(kHeadBytes, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<size_t>(file.gcount()));
  if (file.bad()) return UnavailableError("the file cannot be read");
  return head;
}

// Length and bytes, so that two lists of fields never give the same input to the hash.
void HashField(std::string_view field, Sha256& hash) {
  hash.Update(std::to_string(field.size()) + ":");
  hash.Update(field);
}

void HashMetadata(const retriever::Metadata& metadata, Sha256& hash) {
  for (const auto& [name, values] : metadata) {
    HashField(name, hash);
    for (const retriever::MetadataValue& value : values) {
      if (const auto* text = std::get_if<std::string>(&value)) {
        HashField("s" + *text, hash);
      } else if (const auto* number = std::get_if<double>(&value)) {
        HashField("n" + std::to_string(*number), hash);
      } else {
        HashField(std::get<bool>(value) ? "true" : "false", hash);
      }
    }
  }
}

std::string_view AccessPart(std::string_view fingerprint) {
  const size_t colon = fingerprint.find(':');
  return colon == std::string_view::npos ? fingerprint : fingerprint.substr(colon + 1);
}

}  // namespace

std::string MakeFingerprint(const retriever::Document& document, const Embedder& embedder,
                            int budget_tokens) {
  Sha256 content;
  HashField("chunker " + std::to_string(kChunkerVersion), content);
  HashField("budget " + std::to_string(budget_tokens), content);
  HashField(embedder.model_sha256(), content);
  HashField(document.title, content);
  HashMetadata(document.metadata, content);
  Sha256 access;
  for (const std::string& principal : document.access.allow) HashField("+" + principal, access);
  for (const std::string& principal : document.access.deny) HashField("-" + principal, access);
  return content.FinishHex() + ":" + access.FinishHex();
}

Reader::Reader(const ReaderInputs& inputs, SharedWriter& writer, WorkQueue& queue,
               RunCounts& counts, FailureList& failures, const CallContext& call)
    : inputs_(inputs),
      writer_(writer),
      queue_(queue),
      counts_(counts),
      failures_(failures),
      call_(call) {}

Status Reader::Run() {
  for (const Discovery::Failure& failure : inputs_.discovery->failures) {
    Fail(failure.path.string(), "", failure.error);
  }
  for (const DiscoveredFile& file : inputs_.discovery->files) {
    FOOTNOTE_RETURN_IF_ERROR(call_.Check());
    SourceFile source{file.path, file.relative_path, file.size, ""};
    file_bytes_ = file.size;
    Status status;
    if (StatusOr<std::string> head = ReadHead(file.path); !head.ok()) {
      status = head.status();
    } else {
      source.head = *std::move(head);
      const StatusOr<const Parser*> parser = FindParser(source);
      status = parser.ok() ? (*parser)->Parse(source, *this) : parser.status();
    }
    if (!run_error_.ok()) return run_error_;
    if (!status.ok()) Fail(file.path.string(), file.relative_path, status);
    bytes_before_ += file.size;
    counts_.bytes_share = ShareAt(0);
  }
  counts_.all_read = true;
  return OkStatus();
}

double Reader::ShareAt(uint64_t bytes_of_file) const {
  if (inputs_.discovery->bytes == 0) return 1;
  const uint64_t bytes = bytes_before_ + std::min(bytes_of_file, file_bytes_);
  return static_cast<double>(bytes) / static_cast<double>(inputs_.discovery->bytes);
}

void Reader::Fail(const std::string& source, const std::string& id, const Status& error) {
  if (id.empty()) {
    seen_is_incomplete_ = true;
  } else {
    seen_.insert(id);  // an earlier version of it stays in the corpus
  }
  ++counts_.read;
  failures_.Add(ShownSource(source), error);
}

std::string Reader::ShownSource(const std::string& source) const {
  const std::string& prefix = inputs_.source_prefix;
  if (prefix.empty() || !source.starts_with(prefix)) return source;
  return inputs_.shown_prefix + source.substr(prefix.size());
}

StatusOr<retriever::Document> Reader::MakeDocument(ParsedDocument& parsed) const {
  if (parsed.text.size() > kMaxDocumentBytes) {
    return ResourceExhaustedError("the document's text is larger than 256 MB; split it");
  }
  if (parsed.blocks.empty()) return InvalidArgumentError("the document holds no text");
  if (!IsValidUtf8(parsed.text)) return InvalidArgumentError("the text is not valid UTF-8");
  retriever::Document document;
  document.id = parsed.id;
  document.title = ReplaceInvalidUtf8(parsed.title);
  document.source = ShownSource(parsed.source);
  document.version = Sha256Hex(parsed.text);
  document.metadata = std::move(parsed.metadata);
  if (parsed.access) document.access = *parsed.access;
  // The access file is the operator's word, so it goes before the document's own.
  if (const retriever::AccessList* rule = inputs_.access->Find(parsed.id)) {
    document.access = *rule;
  }
  for (const auto* list : {&document.access.allow, &document.access.deny}) {
    for (const std::string& principal : *list) {
      FOOTNOTE_RETURN_IF_ERROR(retriever::CheckPrincipal(principal));
    }
  }
  return document;
}

Status Reader::Add(ParsedDocument parsed) {
  run_error_ = call_.Check();
  if (!run_error_.ok()) return run_error_;
  if (!seen_.insert(parsed.id).second) {
    Fail(parsed.source, parsed.id,
         AlreadyExistsError("another document of the sources has the id \"" + parsed.id +
                            "\" already; this one is left out"));
    return OkStatus();
  }
  StatusOr<retriever::Document> document = MakeDocument(parsed);
  if (!document.ok()) {
    Fail(parsed.source, parsed.id, document.status());
    return OkStatus();
  }
  ++counts_.read;
  Work work;
  work.fingerprint = MakeFingerprint(*document, *inputs_.embedder, inputs_.budget_tokens);
  work.bytes_share = ShareAt(parsed.source_bytes_end == 0 ? file_bytes_ : parsed.source_bytes_end);
  bool unchanged = false;
  run_error_ = writer_.With([&](retriever::CorpusWriter& writer) -> Status {
    FOOTNOTE_ASSIGN_OR_RETURN(const auto state, writer.Lookup(document->id));
    if (!state) return OkStatus();
    work.is_update = true;
    unchanged = state->version == document->version && state->fingerprint == work.fingerprint;
    if (AccessPart(state->fingerprint) == AccessPart(work.fingerprint)) return OkStatus();
    // Who may see it changes at once, not when the new version is published.
    const Status changed = writer.SetAccess(document->id, document->access);
    return changed.code() == StatusCode::kNotFound ? OkStatus() : changed;
  });
  if (!run_error_.ok()) return run_error_;
  if (unchanged) {
    ++counts_.unchanged;
    counts_.bytes_share = work.bytes_share;
    return OkStatus();
  }
  work.document.chunks = MakeChunks(parsed, *inputs_.embedder, inputs_.budget_tokens);
  work.document.document = *std::move(document);
  work.document.document.text = std::move(parsed.text);
  if (!queue_.Push(std::move(work))) run_error_ = CancelledError("indexing was stopped");
  return run_error_;
}

}  // namespace footnote::indexer
