#include "generator/runtime/prefix_cache.h"

#include <algorithm>
#include <utility>

namespace footnote::generator {

using kernels::kPageTokens;

namespace {

std::vector<TokenId> Block(std::span<const TokenId> tokens, size_t index) {
  const auto block = tokens.subspan(index * kPageTokens, kPageTokens);
  return {block.begin(), block.end()};
}

}  // namespace

PrefixCache::~PrefixCache() {
  for (Node* node : by_use_) pool_->Release(node->page);
}

std::vector<int32_t> PrefixCache::Match(const std::string& tenant, std::span<const TokenId> tokens,
                                        int64_t max_pages) {
  std::vector<int32_t> pages;
  const auto root = tenants_.find(tenant);
  if (root == tenants_.end()) return pages;
  const size_t count = std::min(tokens.size() / kPageTokens, static_cast<size_t>(max_pages));
  std::vector<Node*> path;
  Children* level = &root->second;
  for (size_t i = 0; i < count; ++i) {
    const auto found = level->find(Block(tokens, i));
    if (found == level->end()) break;
    path.push_back(found->second.get());
    pages.push_back(found->second->page);
    level = &found->second->children;
  }
  // From the far end: the beginnings, which more requests share, count as used later.
  for (auto node = path.rbegin(); node != path.rend(); ++node) Touch(**node);
  return pages;
}

void PrefixCache::Insert(const std::string& tenant, std::span<const TokenId> tokens,
                         std::span<const int32_t> pages) {
  const size_t count = std::min(tokens.size() / kPageTokens, pages.size());
  if (count == 0) return;
  Children* level = &tenants_[tenant];
  Node* parent = nullptr;
  std::vector<Node*> path;
  for (size_t i = 0; i < count; ++i) {
    auto [place, fresh] = level->try_emplace(Block(tokens, i));
    if (fresh) {
      place->second = std::make_unique<Node>();
      Node& node = *place->second;
      node.page = pages[i];
      node.parent = parent;
      node.siblings = level;
      node.place = place;
      node.use = by_use_.insert(by_use_.end(), &node);
      pool_->Share(node.page);
    }
    parent = place->second.get();
    path.push_back(parent);
    level = &parent->children;
  }
  for (auto node = path.rbegin(); node != path.rend(); ++node) Touch(**node);
}

void PrefixCache::Evict(int64_t free_pages) {
  // Each pass takes the leaves; what they hung on may be a leaf then.
  bool any = true;
  while (any && pool_->free() < free_pages) {
    any = false;
    for (auto use = by_use_.begin(); use != by_use_.end() && pool_->free() < free_pages;) {
      Node& node = **use++;
      if (!node.children.empty() || pool_->holders(node.page) > 1) continue;
      pool_->Release(node.page);
      by_use_.erase(node.use);
      // Ends the node's life.
      node.siblings->erase(node.place);
      any = true;
    }
  }
  std::erase_if(tenants_, [](const auto& tenant) { return tenant.second.empty(); });
}

}  // namespace footnote::generator
