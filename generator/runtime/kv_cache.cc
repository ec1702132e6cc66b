#include "generator/runtime/kv_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

namespace footnote::generator {

using kernels::kPageTokens;

PagePool::PagePool(int64_t pages) : holders_(static_cast<size_t>(pages), 0) {
  free_.reserve(holders_.size());
  // Low numbers first, so that a small load touches little memory.
  for (int64_t page = pages; page-- > 0;) free_.push_back(static_cast<int32_t>(page));
}

int32_t PagePool::Take() {
  assert(!free_.empty());
  const int32_t page = free_.back();
  free_.pop_back();
  holders_[static_cast<size_t>(page)] = 1;
  return page;
}

void PagePool::Share(int32_t page) {
  assert(holders(page) > 0);
  ++holders_[static_cast<size_t>(page)];
}

void PagePool::Release(int32_t page) {
  assert(holders(page) > 0);
  if (--holders_[static_cast<size_t>(page)] == 0) free_.push_back(page);
}

PageList::PageList(PageList&& other) noexcept
    : pool_(other.pool_), pages_(std::exchange(other.pages_, {})) {}

PageList& PageList::operator=(PageList&& other) noexcept {
  if (this != &other) {
    Clear();
    pool_ = other.pool_;
    pages_ = std::exchange(other.pages_, {});
  }
  return *this;
}

Status PageList::Reserve(int64_t tokens) {
  const int64_t missing = PagePool::PagesFor(tokens) - static_cast<int64_t>(pages_.size());
  if (missing > pool_->free()) {
    return ResourceExhaustedError("the KV cache has " + std::to_string(pool_->free()) +
                                  " free pages and the sequence needs " + std::to_string(missing) +
                                  " more");
  }
  for (int64_t i = 0; i < missing; ++i) pages_.push_back(pool_->Take());
  return OkStatus();
}

PageList PageList::Fork(int64_t tokens) const {
  PageList fork(pool_);
  const size_t count = std::min(
      pages_.size(), static_cast<size_t>(PagePool::PagesFor(std::max<int64_t>(tokens, 0))));
  fork.pages_.assign(pages_.begin(), pages_.begin() + static_cast<ptrdiff_t>(count));
  for (const int32_t page : fork.pages_) pool_->Share(page);
  return fork;
}

StatusOr<std::vector<PageCopy>> PageList::MakeWritable(int64_t begin, int64_t end) {
  std::vector<size_t> shared;
  const size_t last = std::min(pages_.size(), static_cast<size_t>(PagePool::PagesFor(end)));
  for (size_t i = static_cast<size_t>(begin / kPageTokens); i < last; ++i) {
    if (pool_->holders(pages_[i]) > 1) shared.push_back(i);
  }
  if (static_cast<int64_t>(shared.size()) > pool_->free()) {
    return ResourceExhaustedError("the KV cache has no free page for a copy of a shared one");
  }
  std::vector<PageCopy> copies;
  for (const size_t i : shared) {
    const PageCopy copy{pages_[i], pool_->Take()};
    pool_->Release(copy.from);
    pages_[i] = copy.to;
    copies.push_back(copy);
  }
  return copies;
}

void PageList::Clear() {
  for (const int32_t page : pages_) pool_->Release(page);
  pages_.clear();
}

int64_t KvShape::page_bytes() const {
  return 2 * layers * kv_heads * kPageTokens * head_width * kernels::BlockBytes(dtype);
}

StatusOr<std::unique_ptr<KvCache>> KvCache::Create(const KvShape& shape, int64_t pages) {
  if (pages < 1) {
    return InvalidArgumentError("the KV cache is smaller than one page of " +
                                std::to_string(shape.page_bytes()) + " bytes; enlarge it");
  }
  const size_t bytes = static_cast<size_t>(shape.page_bytes()) * static_cast<size_t>(pages);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return ResourceExhaustedError("cannot map " + std::to_string(bytes) +
                                  " bytes for the KV cache: " + std::strerror(errno));
  }
  return std::unique_ptr<KvCache>(new KvCache(shape, pages, memory, bytes));
}

KvCache::KvCache(const KvShape& shape, int64_t pages, void* memory, size_t bytes)
    : shape_(shape), memory_(memory), bytes_(bytes), pool_(pages) {
  char* next = static_cast<char*>(memory);
  const size_t half = bytes / static_cast<size_t>(shape.layers) / 2;
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    kernels::KvLayer view;
    view.dtype = shape.dtype;
    view.keys = std::exchange(next, next + half);
    view.values = std::exchange(next, next + half);
    view.pages = pages;
    view.kv_heads = shape.kv_heads;
    view.head_width = shape.head_width;
    layers_.push_back(view);
  }
}

KvCache::~KvCache() { munmap(memory_, bytes_); }

void KvCache::Copy(std::span<const PageCopy> copies) {
  const size_t element = static_cast<size_t>(kernels::BlockBytes(shape_.dtype));
  for (const kernels::KvLayer& layer : layers_) {
    const size_t page_bytes = static_cast<size_t>(layer.block(1, 0)) * element;
    for (void* base : {layer.keys, layer.values}) {
      for (const PageCopy& copy : copies) {
        std::memcpy(static_cast<char*>(base) + static_cast<size_t>(copy.to) * page_bytes,
                    static_cast<char*>(base) + static_cast<size_t>(copy.from) * page_bytes,
                    page_bytes);
      }
    }
  }
}

}  // namespace footnote::generator
