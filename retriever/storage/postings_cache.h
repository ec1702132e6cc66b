// Postings in memory: the lists that queries asked for last, up to a number of bytes.
//
// Bound to one ChunkStore, since what a store shows while it falls behind its writer may have
// holes; the next store begins with nothing. Threads: safe.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/status.h"
#include "retriever/storage/chunk_store.h"
#include "retriever/storage/lexical_index.h"

namespace footnote::retriever {

class PostingsCache {
 public:
  // Enough for the common words of a million rows, whose lists are what takes time to read.
  static constexpr size_t kDefaultBytes = size_t{96} << 20;

  explicit PostingsCache(std::shared_ptr<const ChunkStore> store, size_t bytes = kDefaultBytes)
      : store_(std::move(store)), capacity_(bytes) {}

  // Reads lists for one query; one thread. Outlived by the cache.
  class Reader {
   public:
    explicit Reader(PostingsCache& cache) : cache_(cache) {}
    // Never null; empty when the term does not occur. Errors: DATA_LOSS, those of reading.
    StatusOr<std::shared_ptr<const PostingsList>> Read(uint32_t segment, uint32_t format,
                                                       const std::string& term,
                                                       const RowLengths& lengths);

   private:
    PostingsCache& cache_;
    std::optional<ChunkStore::Cursor> cursor_;  // opened by the first list that is not in memory
  };

  size_t bytes() {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

  // Forgets lists of other segments: erased words do not stay in memory.
  void KeepSegments(const std::set<uint32_t>& segments);

 private:
  struct Entry {
    uint32_t segment = 0;
    std::string key;
    std::shared_ptr<const PostingsList> list;
    size_t bytes = 0;
  };

  std::shared_ptr<const PostingsList> Find(const std::string& key);
  void Keep(uint32_t segment, std::string key, std::shared_ptr<const PostingsList> list);

  const std::shared_ptr<const ChunkStore> store_;
  const size_t capacity_;
  std::mutex mutex_;          // guards what follows
  std::list<Entry> entries_;  // asked for last first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key_;
  size_t bytes_ = 0;
};

}  // namespace footnote::retriever
