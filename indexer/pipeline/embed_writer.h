// The second thread of a run: embeds chunks in batches across documents, equal texts once, and
// writes each document when all its vectors are there.
#pragma once

#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "indexer/pipeline/run_state.h"
#include "indexer/pipeline/vector_cache.h"
#include "indexer/pipeline/work_queue.h"

namespace footnote::indexer {

class EmbedWriter {
 public:
  // publish_every_chunks: 0 means not before Finish, unless PublishAsItGrows is called.
  // reuse_bytes: of memory for vectors of texts that may come again.
  EmbedWriter(const Embedder& embedder, SharedWriter& writer, FailureList& failures,
              int64_t publish_every_chunks, uint64_t reuse_bytes, const CallContext& call);

  // Takes a document; embeds and writes when enough has come together. `report` is counted up.
  // Errors: the writer's, the embedder's.
  Status Add(Work work, IndexReport& report);
  // Takes one that the corpus holds already, without vectors.
  Status Add(retriever::UnembeddedDocument waiting, IndexReport& report);

  // Embeds and writes what is left.
  Status Finish(IndexReport& report);

  // From now on publishes whenever half as many chunks as before have been added: each is written
  // anew a few times at most, however many there are.
  void PublishAsItGrows() { grows_ = true; }

  // Called after each batch.
  std::function<void()> on_progress;

  double bytes_share() const { return bytes_share_; }         // of the last document written
  const std::string& last_document() const { return last_; }  // id of it
  uint64_t generation() const { return generation_; }         // published last; 0: none

 private:
  struct Pending {
    Work work;                              // of a new document, or
    retriever::UnembeddedDocument waiting;  // of one that is there
    bool is_waiting = false;
    std::vector<float> vectors;
    std::vector<retriever::ChunkSentences> sentences;  // one for each chunk
    size_t missing = 0;                                // chunks without vectors

    std::string_view text(size_t chunk) const;
    size_t context_bytes(size_t chunk) const;  // at the front of text(chunk): not the chunk's own
  };
  struct Slot {
    Pending* pending;
    size_t chunk;

    std::string_view text() const { return pending->text(chunk); }
    size_t context_bytes() const { return pending->context_bytes(chunk); }
    std::string key() const;  // equal for slots with equal vectors
    void Take(const TextVectors& vectors) const;
  };

  Status Enqueue(Pending pending, size_t chunks, IndexReport& report);
  Status EmbedSome(size_t count, IndexReport& report);
  // By the hash of their text: slots with the text of one that is embedded.
  using EqualSlots = std::unordered_map<std::string, std::vector<Slot>>;
  // Gives slots whose texts were embedded before their vectors. The others stay, but of equal ones
  // the first alone; the rest goes to `equals`.
  void Reuse(std::vector<Slot>& window, EqualSlots& equals, IndexReport& report);
  Status WriteDone(IndexReport& report);
  Status Write(Pending& pending, IndexReport& report);
  Status PublishIfDue(IndexReport& report);

  const Embedder& embedder_;
  SharedWriter& writer_;
  FailureList& failures_;
  const int64_t publish_every_chunks_;
  bool grows_ = false;
  const CallContext& call_;
  VectorCache known_;            // vectors of texts of this run
  std::deque<Pending> pending_;  // in order of their coming; a deque keeps addresses
  std::deque<Slot> slots_;       // chunks that have no vector yet, in order
  int64_t chunks_since_publish_ = 0;
  double bytes_share_ = 0;
  std::string last_;
  uint64_t generation_ = 0;
};

}  // namespace footnote::indexer
