// Runs a decoder's passes by hand: a sequence cut into pieces, beside another one.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "generator/runtime/kv_cache.h"
#include "generator/runtime/loaded_model.h"
#include "tests/testing/status_matchers.h"

namespace footnote::testing {

// Ids of the other sequence lie below this, so that every tiny model has them.
inline constexpr size_t kSmallestVocabulary = 100;

// Logits of `ids` computed in passes of `chunk` rows, beside another sequence of `other` rows a
// pass.
inline std::vector<float> LogitsInChunks(const generator::LoadedModel& model,
                                         std::span<const generator::TokenId> ids, size_t chunk,
                                         int64_t other) {
  using namespace generator;
  std::unique_ptr<KvCache> cache = std::move(KvCache::Create(model.kv_shape(), 40)).value();
  std::unique_ptr<LoadedModel::Runner> runner = std::move(model.MakeRunner()).value();
  PageList mine(&cache->pool());
  PageList others(&cache->pool());
  EXPECT_OK(others.Reserve(200));
  EXPECT_OK(mine.Reserve(static_cast<int64_t>(ids.size())));
  const int64_t vocabulary = model.info().vocabulary_size;
  std::vector<float> all;
  for (size_t begin = 0, pass = 0; begin < ids.size(); begin += chunk, ++pass) {
    const size_t rows = std::min(chunk, ids.size() - begin);
    std::vector<TokenId> batch_ids(static_cast<size_t>(other),
                                   static_cast<TokenId>(pass % kSmallestVocabulary));
    batch_ids.insert(batch_ids.end(), ids.begin() + static_cast<ptrdiff_t>(begin),
                     ids.begin() + static_cast<ptrdiff_t>(begin + rows));
    std::vector<kernels::KvSequence> sequences;
    if (other > 0) {
      sequences.push_back({0, other, static_cast<int64_t>(pass) * other, others.pages()});
    }
    sequences.push_back({other, static_cast<int64_t>(rows), static_cast<int64_t>(begin),
                         mine.pages(), static_cast<int64_t>(ids.size())});
    std::vector<int64_t> wanted;
    for (size_t row = 0; row < rows; ++row) {
      wanted.push_back(other + static_cast<int64_t>(row));
    }
    std::vector<float> logits(rows * static_cast<size_t>(vocabulary));
    EXPECT_OK(model.decoder()->Forward(*runner->context, runner->workspace,
                                       {batch_ids, sequences, wanted}, cache->layers(),
                                       kernels::Matrix::Of(logits.data(), rows, vocabulary)));
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

}  // namespace footnote::testing
