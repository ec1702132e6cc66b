// The first thread of a run: reads the files, parses, decides what needs work, cuts into chunks.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "indexer/parsers/parser.h"
#include "indexer/pipeline/access_rules.h"
#include "indexer/pipeline/discover.h"
#include "indexer/pipeline/file_notes.h"
#include "indexer/pipeline/run_state.h"
#include "indexer/pipeline/work_queue.h"
#include "indexer/profile.h"

namespace footnote::indexer {

struct ReaderInputs {
  const Discovery* discovery = nullptr;
  const AccessRules* access = nullptr;
  const Embedder* embedder = nullptr;
  int budget_tokens = 0;
  const Profile* profile = nullptr;
  bool keep_notes = false;   // about files, for the next run
  bool use_notes = false;    // of the last run: leave unread what did not change
  int64_t looked_at_ns = 0;  // when the files were discovered, since 1970
  int shard = 0;             // as IndexOptions, as is the next
  int shards = 1;
  SizeLimit limit{};          // of documents
  bool spill = false;         // what the queue does not take is written without vectors
  std::string source_prefix;  // of a document's source, replaced by shown_prefix; empty: none
  std::string shown_prefix;
};

class Reader : private DocumentSink {
 public:
  Reader(const ReaderInputs& inputs, SharedWriter& writer, WorkQueue& queue, RunCounts& counts,
         FailureList& failures, const CallContext& call);

  // Reads all files. OK also when documents failed. Errors: the writer's, CANCELLED.
  Status Run();

  // Ids that the sources hold, also those that failed.
  const std::unordered_set<std::string>& seen() const { return seen_; }
  // Something could not be read whose id is not known, so that `seen` is not all there is.
  bool seen_is_incomplete() const { return seen_is_incomplete_; }
  // As IndexReport.
  const std::map<std::string, int64_t>& languages() const { return languages_; }

 private:
  Status Add(ParsedDocument parsed) override;
  void Fail(const std::string& source, const std::string& id, const Status& error) override;

  // By this run; not by another that takes another shard.
  bool IsTaken(const std::string& id) const;
  // Hands a document on to be embedded; to the queue, or where that is full to the corpus.
  Status HandOn(Work work);
  // True when nothing of the file has to be read. Errors: the writer's.
  StatusOr<bool> IsUnchanged(const DiscoveredFile& file);
  Status LeaveNote(const DiscoveredFile& file);
  Status FlushNotes();
  // What the rules say of a document that has no list of its own.
  const retriever::AccessList& GivenAccess(const std::string& id) const;
  Status ChangeAccess(const std::string& id, const retriever::AccessList& access);
  Status FlushAccess();
  Status ReadFile(const DiscoveredFile& file);

  std::string ShownSource(const std::string& source) const;
  // Adds the text's language to the metadata, unless the document says one itself.
  void FindLanguage(std::string_view text, retriever::Metadata& metadata);
  // Tells whether the corpus holds the document already, and changes who may see it if need be.
  Status LookUp(const retriever::Document& document, Work& work);
  StatusOr<retriever::Document> MakeDocument(ParsedDocument& parsed) const;
  double ShareAt(uint64_t bytes_of_file) const;

  const ReaderInputs inputs_;
  SharedWriter& writer_;
  WorkQueue& queue_;
  RunCounts& counts_;
  FailureList& failures_;
  const CallContext& call_;
  std::unordered_set<std::string> seen_;
  bool seen_is_incomplete_ = false;
  std::map<std::string, int64_t> languages_;
  Status run_error_;                        // of Add, kept apart from what is wrong with the file
  const std::string profile_digest_;        // empty: "general"
  const std::string settings_;              // digest of what decides how files are read and cut
  const std::string rules_;                 // digest of the access rules
  ReadNote note_;                           // about the open file
  bool note_is_whole_ = false;              // nothing failed in the open file
  std::vector<retriever::FileNote> notes_;  // not stored yet
  std::vector<retriever::AccessChange> access_changes_;  // not told yet
  std::chrono::steady_clock::time_point first_access_change_;
  uint64_t bytes_before_ = 0;  // of the files that are done
  uint64_t file_bytes_ = 0;    // of the open file
};

// Hash of all that makes a document's chunks but its text. Not of the embedder: that is the
// corpus's. Without a profile's digest it is what it was before there were profiles.
std::string MakeFingerprint(const retriever::Document& document, int budget_tokens,
                            const std::string& profile_digest);

}  // namespace footnote::indexer
