#include "indexer/pipeline/reader.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "common/sha256.h"
#include "common/text/utf8.h"
#include "indexer/chunking/chunker.h"
#include "indexer/text/language.h"

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

// Nothing for "general": that is what documents were cut by before there were profiles.
void HashProfile(const std::string& profile_digest, Sha256& hash) {
  if (!profile_digest.empty()) HashField("profile " + profile_digest, hash);
}

std::string SettingsDigest(const ReaderInputs& inputs, const std::string& profile_digest) {
  Sha256 hash;
  HashField("chunker " + std::to_string(kChunkerVersion), hash);
  HashField("budget " + std::to_string(inputs.budget_tokens), hash);
  HashField("shard " + std::to_string(inputs.shard) + "/" + std::to_string(inputs.shards), hash);
  HashField(inputs.source_prefix, hash);
  HashField(inputs.shown_prefix, hash);
  HashProfile(profile_digest, hash);
  return hash.FinishHex();
}

// Two sources may hold one file under two names, which are two documents.
std::string NoteName(const DiscoveredFile& file) {
  std::error_code error;
  return std::filesystem::absolute(file.path, error).string() + "\n" + file.relative_path;
}

}  // namespace

std::string MakeFingerprint(const retriever::Document& document, int budget_tokens,
                            const std::string& profile_digest) {
  Sha256 content;
  HashField("chunker " + std::to_string(kChunkerVersion), content);
  HashField("budget " + std::to_string(budget_tokens), content);
  HashField(document.title, content);
  HashMetadata(document.metadata, content);
  HashProfile(profile_digest, content);
  return content.FinishHex();
}

Reader::Reader(const ReaderInputs& inputs, SharedWriter& writer, WorkQueue& queue,
               RunCounts& counts, FailureList& failures, const CallContext& call)
    : inputs_(inputs),
      writer_(writer),
      queue_(queue),
      counts_(counts),
      failures_(failures),
      call_(call),
      profile_digest_(inputs.profile->Digest()),
      settings_(SettingsDigest(inputs, profile_digest_)),
      rules_(inputs.access->Digest()) {}

Status Reader::Run() {
  for (const Discovery::Failure& failure : inputs_.discovery->failures) {
    Fail(failure.path.string(), "", failure.error);
  }
  for (const DiscoveredFile& file : inputs_.discovery->files) {
    FOOTNOTE_RETURN_IF_ERROR(call_.Check());
    file_bytes_ = file.identity.size;
    bool unchanged = false;
    if (inputs_.use_notes) {
      FOOTNOTE_ASSIGN_OR_RETURN(unchanged, IsUnchanged(file));
    }
    if (!unchanged) FOOTNOTE_RETURN_IF_ERROR(ReadFile(file));
    bytes_before_ += file.identity.size;
    counts_.bytes_share = ShareAt(0);
  }
  FOOTNOTE_RETURN_IF_ERROR(FlushAccess());
  FOOTNOTE_RETURN_IF_ERROR(FlushNotes());
  counts_.all_read = true;
  return OkStatus();
}

Status Reader::ReadFile(const DiscoveredFile& file) {
  note_ = {file.identity, settings_, rules_, false, {}};
  note_is_whole_ = true;
  SourceFile source;
  source.path = file.path;
  source.relative_path = file.relative_path;
  source.size = file.identity.size;
  source.limit = inputs_.limit;
  Status status;
  if (StatusOr<std::string> head = ReadHead(file.path); !head.ok()) {
    status = head.status();
  } else {
    source.head = *std::move(head);
    const StatusOr<const Parser*> parser = FindParser(source);
    if (parser.ok() && (*parser)->IdIsPath() && !IsTaken(file.relative_path)) {
      seen_.insert(file.relative_path);
      return OkStatus();
    }
    status = parser.ok() ? (*parser)->Parse(source, *this) : parser.status();
  }
  FOOTNOTE_RETURN_IF_ERROR(run_error_);
  if (!status.ok()) Fail(file.path.string(), file.relative_path, status);
  return inputs_.keep_notes ? LeaveNote(file) : OkStatus();
}

StatusOr<bool> Reader::IsUnchanged(const DiscoveredFile& file) {
  FOOTNOTE_ASSIGN_OR_RETURN(
      const std::optional<std::string> bytes,
      writer_.With([&](retriever::CorpusWriter& writer) { return writer.NoteOf(NoteName(file)); }));
  const std::optional<ReadNote> note = bytes ? DecodeNote(*bytes) : std::nullopt;
  if (!note || note->identity != file.identity || note->settings != settings_) return false;
  // Lists of its own stand in the file, and which of them hold depends on the rules.
  if (note->own_access && note->rules != rules_) return false;
  std::vector<const std::string*> changed;
  int64_t unembedded = 0;  // chunks
  for (const ReadNote::Document& document : note->documents) {
    if (seen_.contains(document.id)) return false;
    FOOTNOTE_ASSIGN_OR_RETURN(const auto state, writer_.With([&](retriever::CorpusWriter& writer) {
      return writer.Lookup(document.id);
    }));
    // Deleted, rolled back, or changed by another way than this file.
    if (!state || DigestOfState(state->version, state->fingerprint) != document.digest) {
      return false;
    }
    if (!state->embedded) unembedded += state->chunks;
    if (!note->own_access && state->given_access != retriever::DigestOf(GivenAccess(document.id))) {
      changed.push_back(&document.id);
    }
  }
  for (const std::string* id : changed) {
    FOOTNOTE_RETURN_IF_ERROR(ChangeAccess(*id, GivenAccess(*id)));
  }
  const auto documents = static_cast<int64_t>(note->documents.size());
  const auto with_new_access = static_cast<int64_t>(changed.size());
  for (const ReadNote::Document& document : note->documents) seen_.insert(document.id);
  counts_.read += documents;
  counts_.chunks_found += unembedded;
  counts_.unchanged += documents - with_new_access;
  counts_.access_changed += with_new_access;
  return true;
}

Status Reader::LeaveNote(const DiscoveredFile& file) {
  constexpr size_t kNotesAWrite = 256;
  // A failed document is tried again each time.
  if (!note_is_whole_ || !IsSettled(file.identity, inputs_.looked_at_ns)) return OkStatus();
  notes_.push_back({NoteName(file), EncodeNote(note_)});
  return notes_.size() < kNotesAWrite ? OkStatus() : FlushNotes();
}

Status Reader::FlushNotes() {
  if (notes_.empty()) return OkStatus();
  const std::vector<retriever::FileNote> notes = std::exchange(notes_, {});
  return writer_.With([&](retriever::CorpusWriter& writer) { return writer.PutNotes(notes); });
}

const retriever::AccessList& Reader::GivenAccess(const std::string& id) const {
  static const retriever::AccessList kNone;
  const retriever::AccessList* rule = inputs_.access->Find(id);
  return rule == nullptr ? kNone : *rule;
}

// Who may see a document changes at once, not when a new version is published; but a change of many
// is not one write to the disk for each.
Status Reader::ChangeAccess(const std::string& id, const retriever::AccessList& access) {
  constexpr size_t kChangesAWrite = 1000;
  constexpr std::chrono::milliseconds kPatience(200);
  const auto now = std::chrono::steady_clock::now();
  if (access_changes_.empty()) first_access_change_ = now;
  access_changes_.push_back({id, access});
  if (access_changes_.size() < kChangesAWrite && now - first_access_change_ < kPatience) {
    return OkStatus();
  }
  return FlushAccess();
}

Status Reader::FlushAccess() {
  if (access_changes_.empty()) return OkStatus();
  const std::vector<retriever::AccessChange> changes = std::exchange(access_changes_, {});
  return writer_.With([&](retriever::CorpusWriter& writer) { return writer.GiveAccess(changes); });
}

double Reader::ShareAt(uint64_t bytes_of_file) const {
  if (inputs_.discovery->bytes == 0) return 1;
  const uint64_t bytes = bytes_before_ + std::min(bytes_of_file, file_bytes_);
  return static_cast<double>(bytes) / static_cast<double>(inputs_.discovery->bytes);
}

void Reader::Fail(const std::string& source, const std::string& id, const Status& error) {
  note_is_whole_ = false;
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
  if (parsed.text.size() > inputs_.limit.bytes) {
    return TooLargeError("the document's text", inputs_.limit);
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
  // A rule is the operator's word on this document, so it goes before the document's own; the
  // default is for documents of which nothing is said.
  const AccessRules& rules = *inputs_.access;
  if (const retriever::AccessList* rule =
          parsed.access ? rules.FindRule(parsed.id) : rules.Find(parsed.id)) {
    document.access = *rule;
  }
  for (const auto* list : {&document.access.allow, &document.access.deny}) {
    for (const std::string& principal : *list) {
      FOOTNOTE_RETURN_IF_ERROR(retriever::CheckPrincipal(principal));
    }
  }
  return document;
}

bool Reader::IsTaken(const std::string& id) const {
  if (inputs_.shards <= 1) return true;
  // FNV-1a: the same on every machine.
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash ^= hash >> 32;  // its low bits alone are weak
  return hash % static_cast<uint64_t>(inputs_.shards) == static_cast<uint64_t>(inputs_.shard);
}

Status Reader::LookUp(const retriever::Document& document, Work& work) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto state, writer_.With([&](retriever::CorpusWriter& writer) {
    return writer.Lookup(document.id);
  }));
  if (!state) return OkStatus();
  work.is_update = true;
  work.is_unchanged = state->version == document.version && state->fingerprint == work.fingerprint;
  const bool new_access = state->given_access != retriever::DigestOf(document.access);
  if (work.is_unchanged) {
    ++(new_access ? counts_.access_changed : counts_.unchanged);
    if (!state->embedded) counts_.chunks_found += state->chunks;
  }
  return new_access ? ChangeAccess(document.id, document.access) : OkStatus();
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
  if (!IsTaken(parsed.id)) return OkStatus();
  StatusOr<retriever::Document> document = MakeDocument(parsed);
  if (!document.ok()) {
    Fail(parsed.source, parsed.id, document.status());
    return OkStatus();
  }
  ++counts_.read;
  Work work;
  work.fingerprint = MakeFingerprint(*document, inputs_.budget_tokens, profile_digest_);
  work.bytes_share = ShareAt(parsed.source_bytes_end == 0 ? file_bytes_ : parsed.source_bytes_end);
  note_.own_access |= parsed.access.has_value();
  note_.documents.push_back({document->id, DigestOfState(document->version, work.fingerprint)});
  run_error_ = LookUp(*document, work);
  if (!run_error_.ok()) return run_error_;
  if (work.is_unchanged) {
    counts_.bytes_share = work.bytes_share;
    return OkStatus();
  }
  // Not before the fingerprint is made: a document must not be embedded again because its language
  // has become known.
  FindLanguage(parsed.text, document->metadata);
  work.document.chunks =
      MakeChunks(parsed, *inputs_.embedder, inputs_.budget_tokens, *inputs_.profile);
  work.document.document = *std::move(document);
  work.document.document.text = std::move(parsed.text);
  counts_.chunks_found += static_cast<int64_t>(work.document.chunks.size());
  run_error_ = HandOn(std::move(work));
  return run_error_;
}

void Reader::FindLanguage(std::string_view text, retriever::Metadata& metadata) {
  const std::string language = DetectLanguage(text);
  ++languages_[language];
  if (!language.empty()) metadata.try_emplace("language", 1, language);
}

Status Reader::HandOn(Work work) {
  const Status stopped = CancelledError("indexing was stopped");
  if (!inputs_.spill || work.document.chunks.empty()) {
    return queue_.Push(std::move(work)) ? OkStatus() : stopped;
  }
  if (queue_.TryPush(work)) return OkStatus();
  if (queue_.closed()) return stopped;
  const Status put = writer_.With(
      [&](retriever::CorpusWriter& writer) { return writer.Put(work.document, work.fingerprint); });
  if (put.code() == StatusCode::kInvalidArgument) {  // this document's fault, not the run's
    failures_.Add(work.document.document.source, put);
    return OkStatus();
  }
  FOOTNOTE_RETURN_IF_ERROR(put);
  ++counts_.spilled;
  if (work.is_update) ++counts_.spilled_updates;
  return OkStatus();
}

}  // namespace footnote::indexer
