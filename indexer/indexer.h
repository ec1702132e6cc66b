// Batch index building: discover, parse, clean, chunk, embed, write; resumable, incremental.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/call_context.h"
#include "common/embedder.h"
#include "common/memory.h"
#include "common/status.h"
#include "indexer/profile.h"
#include "retriever/corpus_writer.h"

namespace footnote::indexer {

struct IndexFailure {
  std::string source;
  std::string error;
};

struct IndexOptions {
  std::vector<std::filesystem::path> sources;  // files or folders
  bool prune = false;                          // delete documents that the sources no longer hold
  int chunk_budget_tokens = 0;  // 0: the profile's (at most the embedder's max_tokens)
  Profile profile{};            // how documents are cut; another one than last time cuts anew
  std::filesystem::path access_file{};  // see docs/examples/access.toml; empty: none
  // Leave files unread that look as they did when an earlier run read them (size, times, inode) and
  // whose documents are still there. That run must have had this set, too.
  bool skip_unchanged_files = false;
  bool read_all_files = false;  // does not skip, but leaves notes for the next run
  // What is read faster than it is embedded is first published without vectors, found by its words
  // as soon as all is read; vectors follow in generations that grow with what is done. False: all
  // is read at the embedder's pace.
  bool words_first = true;
  // Publishes every so many chunks. 0: as words_first says.
  int64_t publish_every_chunks = 0;
  // Which part of the documents this run takes, by a hash of their ids: machine `shard` of
  // `shards`, counted from 0. Their corpora are joined by retriever::MergeCorpora.
  int shard = 0;
  int shards = 1;
  // Of the process while it indexes, as far as reading and embedding decide it; the writer has a
  // bound of its own. Documents that would not fit are failures, which say what would do.
  MemoryBound memory{};
  // Called at once for each document that failed, from any thread, but one call at a time.
  std::function<void(const IndexFailure&)> on_failure{};
  // Documents below the folder `source_folder` are said to come from `shown_source` instead: an
  // upload's waiting place means nothing to anybody.
  std::filesystem::path source_folder{};
  std::string shown_source{};
};

struct IndexReport {
  uint64_t generation = 0;
  int64_t added = 0;
  int64_t updated = 0;
  int64_t unchanged = 0;
  int64_t deleted = 0;
  int64_t failed = 0;
  int64_t chunks = 0;         // that got their vectors in this run
  int64_t chunks_reused = 0;  // of these, those whose text this run had embedded before
  int64_t tokens = 0;
  int64_t truncated = 0;  // chunks longer than the embedder reads, whose ends it did not see
  double seconds = 0;
  // Documents that this run cut, by language (ISO 639-1); "" counts those of which it is not sure.
  std::map<std::string, int64_t> languages;
  std::vector<IndexFailure> failures;
};

struct IndexProgress {
  std::string phase;  // "reading", "embedding", "publishing"
  int64_t documents_done = 0;
  int64_t documents_total = 0;  // 0 while unknown
  int64_t chunks_done = 0;
  int64_t chunks_total = 0;  // to be embedded in this run; 0 while unknown
  int64_t failed = 0;
  uint64_t generation = 0;  // published last by this run; 0: none yet
  std::string document;     // id of the one written last
  double share = 0;         // 0…1: of the sources' bytes while they are read, then of the chunks
};

// A document that cannot be read or parsed is a failure in the report, not an error of the run.
// Errors: NOT_FOUND (a source that does not exist), those of CorpusWriter, CANCELLED (what was done
// is kept and the next run goes on from there).
StatusOr<IndexReport> BuildIndex(const IndexOptions& options, const Embedder& embedder,
                                 retriever::CorpusWriter& writer,
                                 const std::function<void(const IndexProgress&)>& progress,
                                 const CallContext& call);

// Embeds what a writer of CorpusWriter::OpenToReembed says is missing, and publishes it as a whole.
// CANCELLED: what was done is kept, and the next call goes on from there.
StatusOr<IndexReport> EmbedAgain(const Embedder& embedder, retriever::CorpusWriter& writer,
                                 const std::function<void(const IndexProgress&)>& progress,
                                 const CallContext& call, const MemoryBound& memory = {});

}  // namespace footnote::indexer
