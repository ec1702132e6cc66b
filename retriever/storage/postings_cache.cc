#include "retriever/storage/postings_cache.h"

#include <utility>

#include "retriever/storage/codec.h"

namespace footnote::retriever {

StatusOr<std::shared_ptr<const PostingsList>> PostingsCache::Reader::Read(
    uint32_t segment, uint32_t format, const std::string& term, const RowLengths& lengths) {
  std::string key = SegmentKey(segment) + term;
  if (std::shared_ptr<const PostingsList> known = cache_.Find(key)) return known;
  if (!cursor_) cursor_.emplace(cache_.store_->Scan(Table::kPostings));
  FOOTNOTE_ASSIGN_OR_RETURN(PostingsList read,
                            ReadPostings(*cursor_, segment, format, term, lengths));
  auto list = std::make_shared<const PostingsList>(std::move(read));
  cache_.Keep(segment, std::move(key), list);
  return std::shared_ptr<const PostingsList>(std::move(list));
}

std::shared_ptr<const PostingsList> PostingsCache::Find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->list;
}

void PostingsCache::Keep(uint32_t segment, std::string key,
                         std::shared_ptr<const PostingsList> list) {
  const size_t bytes = sizeof(Entry) + 128 + key.size() + list->memory_bytes();
  const std::lock_guard lock(mutex_);
  if (bytes > capacity_ / 2 || by_key_.contains(key)) return;
  entries_.push_front({segment, std::move(key), std::move(list), bytes});
  by_key_[entries_.front().key] = entries_.begin();
  bytes_ += bytes;
  while (bytes_ > capacity_) {
    bytes_ -= entries_.back().bytes;
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

void PostingsCache::KeepSegments(const std::set<uint32_t>& segments) {
  const std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (segments.contains(entry->segment)) {
      ++entry;
      continue;
    }
    bytes_ -= entry->bytes;
    by_key_.erase(entry->key);
    entry = entries_.erase(entry);
  }
}

}  // namespace footnote::retriever
