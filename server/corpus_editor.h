// Writing to corpora from a server: imports, deletions, new corpora.
//
// A corpus has one writer at a time, whatever process it is in. Requests of this server share one
// while they need it, operation by operation, so that a deletion does not wait for a long import;
// it is closed a moment after the last, so that `footnote index` beside the server finds the corpus
// free. Threads: all methods may be called concurrently.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "common/call_context.h"
#include "common/status.h"
#include "indexer/indexer.h"
#include "retriever/corpus_writer.h"
#include "server/catalog.h"

namespace footnote::server {

class CorpusEditor {
 public:
  // How long an unused writer stays open: deletions and uploads come in bursts, and opening one
  // reads the corpus's state. Much below the second in which people notice.
  static constexpr std::chrono::milliseconds kLinger{500};

  // How long an operation waits for another process that writes the corpus: `footnote index` of a
  // few documents is done by then. `patience` is a parameter for tests.
  static constexpr std::chrono::milliseconds kPatience{10'000};

  explicit CorpusEditor(std::filesystem::path corpora_root,
                        std::chrono::milliseconds patience = kPatience);
  ~CorpusEditor();
  CorpusEditor(const CorpusEditor&) = delete;
  CorpusEditor& operator=(const CorpusEditor&) = delete;

  // Makes an empty public corpus and publishes it. Errors: ALREADY_EXISTS, INVALID_ARGUMENT (name).
  Status Create(const std::string& corpus, const EmbedderEntry& embedder);

  // Indexes all files below `folder` into a corpus that exists and publishes them. Errors:
  // ABORTED (another process writes the corpus and goes on), those of BuildIndex.
  StatusOr<indexer::IndexReport> Import(
      const std::string& corpus, const EmbedderEntry& embedder, const std::filesystem::path& folder,
      const std::function<void(const indexer::IndexProgress&)>& progress, const CallContext& call);

  // Gone from every search when it returns; the number of the first generation without it. Errors:
  // NOT_FOUND, ABORTED as above.
  StatusOr<uint64_t> Delete(const std::string& corpus, const EmbedderEntry& embedder,
                            const std::string& document_id, const CallContext& call);

 private:
  class SharedWriter;
  using Clock = std::chrono::steady_clock;
  struct Slot {
    std::mutex mutex;  // one opens, others wait for it
    std::shared_ptr<SharedWriter> writer;
    Clock::time_point last_used;
  };

  // The open writer, or a new one. is_public: makes it so.
  StatusOr<std::shared_ptr<SharedWriter>> Writer(const std::string& corpus,
                                                 const EmbedderEntry& embedder, bool is_public,
                                                 const CallContext& call);
  void CloseUnused();

  const std::filesystem::path corpora_root_;
  const std::chrono::milliseconds patience_;
  std::mutex mutex_;  // guards slots_ and stopping_
  std::map<std::string, std::shared_ptr<Slot>> slots_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread closer_;
};

}  // namespace footnote::server
