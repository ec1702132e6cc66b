// The second thread of a run: embeds chunks in batches across documents and writes each document
// when all its vectors are there.
#pragma once

#include <deque>
#include <functional>

#include "indexer/pipeline/run_state.h"
#include "indexer/pipeline/work_queue.h"

namespace footnote::indexer {

class EmbedWriter {
 public:
  EmbedWriter(const Embedder& embedder, SharedWriter& writer, FailureList& failures,
              int64_t publish_every_chunks, const CallContext& call);

  // Takes a document; embeds and writes when enough has come together. `report` is counted up.
  // Errors: the writer's, the embedder's.
  Status Add(Work work, IndexReport& report);

  // Embeds and writes what is left.
  Status Finish(IndexReport& report);

  // Called after each batch.
  std::function<void()> on_progress;

  double bytes_share() const { return bytes_share_; }  // of the last document written

 private:
  struct Pending {
    Work work;
    size_t missing = 0;  // vectors
  };
  struct Slot {
    Pending* pending;
    size_t chunk;
  };

  Status EmbedSome(size_t count, IndexReport& report);
  Status WriteDone(IndexReport& report);
  Status Write(Work& work, IndexReport& report);

  const Embedder& embedder_;
  SharedWriter& writer_;
  FailureList& failures_;
  const int64_t publish_every_chunks_;
  const CallContext& call_;
  std::deque<Pending> pending_;  // in order of their coming; a deque keeps addresses
  std::deque<Slot> slots_;       // chunks that have no vector yet, in order
  int64_t chunks_since_publish_ = 0;
  double bytes_share_ = 0;
};

}  // namespace footnote::indexer
