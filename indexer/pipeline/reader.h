// The first thread of a run: reads the files, parses, decides what needs work, cuts into chunks.
#pragma once

#include <string>
#include <unordered_set>

#include "indexer/parsers/parser.h"
#include "indexer/pipeline/access_rules.h"
#include "indexer/pipeline/discover.h"
#include "indexer/pipeline/run_state.h"
#include "indexer/pipeline/work_queue.h"

namespace footnote::indexer {

struct ReaderInputs {
  const Discovery* discovery = nullptr;
  const AccessRules* access = nullptr;
  const Embedder* embedder = nullptr;
  int budget_tokens = 0;
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

 private:
  Status Add(ParsedDocument parsed) override;
  void Fail(const std::string& source, const std::string& id, const Status& error) override;

  std::string ShownSource(const std::string& source) const;
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
  Status run_error_;           // of Add, kept apart from what is wrong with the file
  uint64_t bytes_before_ = 0;  // of the files that are done
  uint64_t file_bytes_ = 0;    // of the open file
};

// Hash of all that makes a document's chunks and vectors but its text: "HASH:HASH", of what is
// embedded and of the access list, so that a change of access alone can be told.
std::string MakeFingerprint(const retriever::Document& document, const Embedder& embedder,
                            int budget_tokens);

}  // namespace footnote::indexer
