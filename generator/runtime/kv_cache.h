// The paged cache of keys and values: who owns which page, and the memory behind them.
//
// A page holds kPageTokens positions of every layer. Pages are counted, so that sequences can share
// the pages of a common prefix; a page that is shared is copied before it is written. Private to
// the generator room. Threads: one (the scheduler's, or a caller's own cache).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/status.h"
#include "kernels/kv_pages.h"

namespace footnote::generator {

// Which pages are free, and how many sequences hold each of the others. Numbers only, no memory.
class PagePool {
 public:
  explicit PagePool(int64_t pages);

  int64_t total() const { return static_cast<int64_t>(holders_.size()); }
  int64_t free() const { return static_cast<int64_t>(free_.size()); }
  int holders(int32_t page) const { return holders_[static_cast<size_t>(page)]; }

  // A free page, now held once. Needs free() > 0.
  int32_t Take();
  void Share(int32_t page);
  void Release(int32_t page);

  // Pages for `tokens` positions.
  static int64_t PagesFor(int64_t tokens) {
    return (tokens + kernels::kPageTokens - 1) / kernels::kPageTokens;
  }

 private:
  std::vector<int> holders_;
  std::vector<int32_t> free_;
};

// A page whose contents must be copied before it is written.
struct PageCopy {
  int32_t from = 0;
  int32_t to = 0;
};

// The pages of one sequence, in order of position; releases them when it goes. Movable.
class PageList {
 public:
  explicit PageList(PagePool* pool) : pool_(pool) {}
  PageList(PageList&& other) noexcept;
  PageList& operator=(PageList&& other) noexcept;
  ~PageList() { Clear(); }

  std::span<const int32_t> pages() const { return pages_; }

  // Grows to room for `tokens` positions. Errors: RESOURCE_EXHAUSTED, and then nothing changed.
  Status Reserve(int64_t tokens);

  // Appends a page that another holder filled, sharing it.
  void AppendShared(int32_t page) {
    pool_->Share(page);
    pages_.push_back(page);
  }

  // A second sequence that begins with the first `tokens` positions of this one, sharing their
  // pages.
  PageList Fork(int64_t tokens) const;

  // Makes positions [begin, end) this sequence's own: shared pages among theirs are replaced, and
  // the copies to make are returned. Errors: RESOURCE_EXHAUSTED, and then nothing changed.
  StatusOr<std::vector<PageCopy>> MakeWritable(int64_t begin, int64_t end);

  void Clear();

 private:
  PagePool* pool_;
  std::vector<int32_t> pages_;
};

// Sizes of a decoder's cache.
struct KvShape {
  int64_t layers = 0;
  int64_t kv_heads = 0;
  int64_t head_width = 0;
  kernels::DType dtype = kernels::DType::kF16;  // F16 or F32

  int64_t page_bytes() const;  // of all layers, keys and values
};

// The memory. It is address space until it is written, so a large cache costs what is used.
class KvCache {
 public:
  // Errors: INVALID_ARGUMENT for less than one page, RESOURCE_EXHAUSTED when the system refuses.
  static StatusOr<std::unique_ptr<KvCache>> Create(const KvShape& shape, int64_t pages);
  ~KvCache();
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  std::span<const kernels::KvLayer> layers() const { return layers_; }
  PagePool& pool() { return pool_; }

  // Copies whole pages, in every layer.
  void Copy(std::span<const PageCopy> copies);

 private:
  KvCache(const KvShape& shape, int64_t pages, void* memory, size_t bytes);

  KvShape shape_;
  void* memory_;
  size_t bytes_;
  std::vector<kernels::KvLayer> layers_;
  PagePool pool_;
};

}  // namespace footnote::generator
