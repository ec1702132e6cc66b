// MergeCorpora: corpora that several machines made of parts of the same sources become one.
#include <set>
#include <unordered_map>
#include <utility>

#include "retriever/corpus.h"
#include "retriever/storage/local_writer.h"
#include "retriever/storage/segment.h"

namespace footnote::retriever {
namespace {

// As it was when it was opened, whatever its writer does meanwhile.
struct Part {
  std::filesystem::path folder;
  std::unique_ptr<ChunkStore> store;
  records::CorpusRecord settings;
  records::GenerationRecord generation;
};

StatusOr<Part> OpenPart(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::exists(folder / "db", error)) {
    return NotFoundError("\"" + folder.string() +
                         "\" is not the folder of a corpus: give the folder that holds its \"db\"");
  }
  Part part;
  part.folder = folder;
  FOOTNOTE_ASSIGN_OR_RETURN(part.store, ChunkStore::OpenForReading(folder));
  FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t current, ReadCurrent(*part.store));
  if (current == 0) return NoGenerationError(folder.filename().string());
  FOOTNOTE_ASSIGN_OR_RETURN(part.settings, ReadCorpusRecord(*part.store));
  FOOTNOTE_ASSIGN_OR_RETURN(part.generation, ReadGeneration(*part.store, current));
  for (const records::SegmentUse& use : part.generation.segments()) {
    if (use.segment().without_vectors()) {
      return FailedPreconditionError("the corpus \"" + folder.string() +
                                     "\" has documents without vectors: run its `footnote index` "
                                     "to the end first");
    }
  }
  return part;
}

// Throws nothing away silently: what differs is named.
Status CheckAgree(const records::CorpusRecord& target, const records::CorpusRecord& part,
                  const std::string& name, const std::string& part_name) {
  const auto differ = [&](const std::string& what, const std::string& one,
                          const std::string& other) {
    return FailedPreconditionError("the corpora \"" + name + "\" and \"" + part_name +
                                   "\" cannot be joined: their " + what + " differ (" + one + ", " +
                                   other + ")");
  };
  if (target.embedder_sha256() != part.embedder_sha256()) {
    return differ("embedders",
                  target.embedder_name() + " " + target.embedder_sha256().substr(0, 12),
                  part.embedder_name() + " " + part.embedder_sha256().substr(0, 12));
  }
  if (target.language() != part.language()) {
    return differ("languages", target.language(), part.language());
  }
  if (target.is_public() && !part.is_public()) {
    return FailedPreconditionError("the corpus \"" + part_name + "\" is not public and \"" + name +
                                   "\" is: its documents would be seen by everyone; merge into "
                                   "another corpus, or index the part with --public");
  }
  return OkStatus();
}

CorpusSettings SettingsOf(const records::CorpusRecord& record, bool is_public,
                          const MemoryBound& memory) {
  CorpusSettings settings;
  settings.is_public = is_public;
  settings.embedder_name = record.embedder_name();
  settings.embedder_sha256 = record.embedder_sha256();
  settings.embedder_path = record.embedder_path();
  settings.width = static_cast<int>(record.width());
  settings.vector_index = FromRecord(record.vector_index());
  settings.memory = memory;
  return settings;
}

StatusOr<records::StagedDocument> ReadWhole(const Part& part, uint32_t segment, uint32_t ordinal) {
  FOOTNOTE_ASSIGN_OR_RETURN(records::StagedDocument document,
                            ReadDocument(*part.store, segment, ordinal, /*with_vectors=*/true));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto access,
                            part.store->Get(Table::kState, AccessKey(document.document().id())));
  records::AccessRecord& list = *document.mutable_access();
  if (access) {
    FOOTNOTE_ASSIGN_OR_RETURN(list, ParseRecord<records::AccessRecord>(*access, "access list"));
  }
  if (list.given().empty()) list.set_given(DigestOf(FromRecord(list)));
  return document;
}

}  // namespace

StatusOr<MergeReport> MergeCorpora(const std::filesystem::path& corpora_root,
                                   const std::string& name,
                                   const std::vector<std::filesystem::path>& parts, bool prune,
                                   const std::function<void(double share)>& progress,
                                   const MemoryBound& memory) {
  FOOTNOTE_RETURN_IF_ERROR(CheckCorpusName(name));
  std::vector<Part> opened;
  size_t total = 0;
  bool is_public = true;
  for (const std::filesystem::path& folder : parts) {
    FOOTNOTE_ASSIGN_OR_RETURN(Part part, OpenPart(folder));
    total += part.generation.documents();
    is_public = is_public && part.settings.is_public();
    opened.push_back(std::move(part));
  }
  if (opened.empty()) return InvalidArgumentError("there are no corpora to join");
  // All are looked at before anything is made.
  for (const Part& part : opened) {
    records::CorpusRecord target = opened.front().settings;
    target.set_is_public(is_public);
    FOOTNOTE_RETURN_IF_ERROR(
        CheckAgree(target, part.settings, opened.front().folder.string(), part.folder.string()));
  }
  std::error_code error;
  const bool is_new = !std::filesystem::exists(corpora_root / name / "db", error);
  FOOTNOTE_ASSIGN_OR_RETURN(
      const std::unique_ptr<LocalWriter> writer,
      LocalWriter::Open(corpora_root / name,
                        SettingsOf(opened.front().settings, is_new && is_public, memory)));
  for (const Part& part : opened) {
    FOOTNOTE_RETURN_IF_ERROR(
        CheckAgree(writer->settings(), part.settings, name, part.folder.string()));
  }

  MergeReport report;
  std::unordered_map<std::string, std::string> versions;  // of the parts' documents, by id
  std::vector<AccessChange> access;
  const auto take = [&](records::StagedDocument document) -> Status {
    const records::DocumentRecord record = document.document();
    const std::string version = record.version() + record.fingerprint();
    const auto [known, first] = versions.emplace(record.id(), version);
    if (!first && known->second != version) {
      return AlreadyExistsError("two of the corpora hold a document \"" + record.id() +
                                "\", in different versions: delete one of them");
    }
    if (!first) return OkStatus();
    FOOTNOTE_ASSIGN_OR_RETURN(const auto state, writer->Lookup(record.id()));
    const bool same = state && state->version == record.version() &&
                      state->fingerprint == record.fingerprint() && state->embedded;
    if (same) {
      ++report.unchanged;
      if (state->given_access != document.access().given()) {
        access.push_back({record.id(), FromRecord(document.access())});
      }
      return OkStatus();
    }
    report.chunks += document.chunks_size();
    FOOTNOTE_RETURN_IF_ERROR(writer->PutStaged(std::move(document)));
    ++(state ? report.updated : report.added);
    return OkStatus();
  };
  size_t done = 0;
  for (const Part& part : opened) {
    for (const records::SegmentUse& use : part.generation.segments()) {
      const std::set<uint32_t> dead(use.tombstones().begin(), use.tombstones().end());
      for (uint32_t i = 0; i < use.segment().documents(); ++i) {
        if (dead.contains(i)) continue;
        FOOTNOTE_ASSIGN_OR_RETURN(records::StagedDocument document,
                                  ReadWhole(part, use.segment().id(), i));
        FOOTNOTE_RETURN_IF_ERROR(take(std::move(document)));
        if (progress) progress(static_cast<double>(++done) / static_cast<double>(total));
      }
    }
  }
  FOOTNOTE_RETURN_IF_ERROR(writer->GiveAccess(access));
  if (prune) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> ids, writer->DocumentIds());
    for (const std::string& id : ids) {
      if (versions.contains(id)) continue;
      FOOTNOTE_RETURN_IF_ERROR(writer->Delete(id));
      ++report.deleted;
    }
  }
  FOOTNOTE_ASSIGN_OR_RETURN(report.generation, writer->Publish());
  return report;
}

}  // namespace footnote::retriever
