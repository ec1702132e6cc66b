#include "generator/runtime/text_encoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace footnote::generator {
namespace {

// Tokens of a batch: a cancelled call waits for one of them, so they are kept below a second's
// work; and few enough that their activations stay in the caches.
constexpr size_t kBatchTokens = 1024;

// A model without a normalising module still gives an Embedder rows of length 1.
void Normalise(std::span<float> row) {
  double sum = 0;
  for (const float value : row) sum += static_cast<double>(value) * static_cast<double>(value);
  const double scale = 1 / std::max(std::sqrt(sum), 1e-12);
  for (float& value : row) value = static_cast<float>(static_cast<double>(value) * scale);
}

}  // namespace

TextEncoder::TextEncoder(std::shared_ptr<const LoadedModel> model, std::string model_sha256,
                         bool parse_control_tokens)
    : model_(std::move(model)),
      model_sha256_(std::move(model_sha256)),
      parse_control_tokens_(parse_control_tokens) {}

int TextEncoder::CountTokens(std::string_view text) const {
  return static_cast<int>(model_->tokenizer().Encode(text, {.add_special = false}).size());
}

std::vector<TokenId> TextEncoder::Ids(std::string_view text, TextRole role, bool* truncated) const {
  const Encoder& encoder = *model_->encoder();
  const std::string& prefix =
      role == TextRole::kQuery ? encoder.query_prefix() : encoder.passage_prefix();
  const TokenizeOptions options{.add_special = true, .parse_special = parse_control_tokens_};
  std::vector<TokenId> ids = prefix.empty()
                                 ? model_->tokenizer().Encode(text, options)
                                 : model_->tokenizer().Encode(prefix + std::string(text), options);
  const size_t limit = static_cast<size_t>(encoder.max_tokens());
  *truncated = ids.size() > limit;
  if (*truncated) {
    const TokenId last = ids.back();
    ids.resize(limit);
    if (model_->tokenizer().IsControl(last)) ids.back() = last;
  }
  return ids;
}

StatusOr<Embeddings> TextEncoder::Embed(std::span<const std::string_view> texts, TextRole role,
                                        const CallContext& call) const {
  Embeddings result;
  result.width = width();
  result.values.resize(texts.size() * static_cast<size_t>(result.width));
  result.truncated.resize(texts.size());
  std::vector<std::vector<TokenId>> ids(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    // Tokenising a large batch takes a while too.
    if (i % 64 == 0) FOOTNOTE_RETURN_IF_ERROR(call.Check());
    bool truncated = false;
    ids[i] = Ids(texts[i], role, &truncated);
    result.truncated[i] = truncated;
  }
  // By length, so that the sequences of a batch take equally long and its size is well used.
  std::vector<size_t> order(texts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&ids](size_t a, size_t b) { return ids[a].size() > ids[b].size(); });
  for (size_t first = 0; first < order.size();) {
    FOOTNOTE_RETURN_IF_ERROR(call.Check());
    EncoderBatch batch;
    batch.offsets.push_back(0);
    size_t last = first;
    do {
      const std::vector<TokenId>& text = ids[order[last]];
      batch.ids.insert(batch.ids.end(), text.begin(), text.end());
      batch.offsets.push_back(static_cast<int64_t>(batch.ids.size()));
      ++last;
    } while (last < order.size() && batch.ids.size() + ids[order[last]].size() <= kBatchTokens);
    FOOTNOTE_ASSIGN_OR_RETURN(std::vector<float> vectors, model_->Encode(batch));
    const size_t row_width = static_cast<size_t>(result.width);
    for (size_t i = first; i < last; ++i) {
      const std::span<float> from(vectors.data() + (i - first) * row_width, row_width);
      Normalise(from);
      std::copy(from.begin(), from.end(),
                result.values.begin() + static_cast<ptrdiff_t>(order[i] * row_width));
    }
    first = last;
  }
  return result;
}

}  // namespace footnote::generator
