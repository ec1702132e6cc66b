// Keys and values of prompts that were read before, found again by their tokens.
//
// A tree for each tenant: a node is one full page, its place in the tree the tokens before it. A
// request whose prompt begins with the same tokens takes those pages as its own first pages; they
// are full, so nobody writes them. Rows depend on their own past only, so what is found is bit for
// bit what would be computed. Pages are counted in PagePool: the tree holds each once, and gives
// back those that no sequence uses, longest unused first. Private to the generator room. Threads:
// one (the scheduler's).
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "generator/runtime/kv_cache.h"
#include "generator/tokenizer.h"

namespace footnote::generator {

class PrefixCache {
 public:
  // `pool` outlives the cache.
  explicit PrefixCache(PagePool* pool) : pool_(pool) {}
  ~PrefixCache();
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  // Pages of the longest known beginning of `tokens`, at most `max_pages`. They stay the cache's: a
  // caller who keeps them shares them in the pool before anything else is called.
  std::vector<int32_t> Match(const std::string& tenant, std::span<const TokenId> tokens,
                             int64_t max_pages);

  // `pages` hold the keys and values of `tokens`; full pages that are not known yet become known.
  void Insert(const std::string& tenant, std::span<const TokenId> tokens,
              std::span<const int32_t> pages);

  // Gives pages back until the pool has `free_pages`, or none is left that only the cache holds.
  void Evict(int64_t free_pages);

  int64_t pages() const { return static_cast<int64_t>(by_use_.size()); }

 private:
  struct Node;
  using Children = std::map<std::vector<TokenId>, std::unique_ptr<Node>>;
  struct Node {
    int32_t page = 0;
    Node* parent = nullptr;        // null: a tenant's first page
    Children* siblings = nullptr;  // the map that holds this node
    Children::iterator place;      // in it
    Children children;
    std::list<Node*>::iterator use;
  };

  void Touch(Node& node) { by_use_.splice(by_use_.end(), by_use_, node.use); }

  PagePool* pool_;
  std::map<std::string, Children> tenants_;
  // Least recently used first. Of one path the far end counts as used earlier, since fewer requests
  // share it; Evict takes leaves only.
  std::list<Node*> by_use_;
};

}  // namespace footnote::generator
