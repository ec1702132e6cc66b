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
// On a GPU, to fill it.
constexpr size_t kGpuBatchTokens = 32768;

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

// How many of the text's `count` tokens, special ones aside, lie before each of the bounds.
std::vector<size_t> TextEncoder::CountUpTo(std::string_view text,
                                           const std::vector<uint64_t>& bounds,
                                           size_t count) const {
  const auto tokens_of = [&](uint64_t begin, uint64_t end) {
    return model_->tokenizer()
        .Encode(text.substr(begin, end - begin),
                {.add_special = false, .parse_special = parse_control_tokens_})
        .size();
  };
  std::vector<size_t> counts;
  uint64_t previous = 0;
  size_t before = 0;
  for (const uint64_t bound : bounds) {
    before += tokens_of(previous, bound);
    counts.push_back(before);
    previous = bound;
  }
  if (before + tokens_of(previous, text.size()) == count) return counts;
  // Some tokenizers see a piece otherwise than the same letters in the middle of a text; from the
  // text's start on they differ by a token at the bound, at most.
  for (size_t i = 0; i < bounds.size(); ++i) counts[i] = std::min(tokens_of(0, bounds[i]), count);
  for (size_t i = 1; i < counts.size(); ++i) counts[i] = std::max(counts[i], counts[i - 1]);
  return counts;
}

TextEncoder::Tokens TextEncoder::Tokenise(const PartedText& text, TextRole role) const {
  const Encoder& encoder = *model_->encoder();
  const std::string& prefix =
      role == TextRole::kQuery ? encoder.query_prefix() : encoder.passage_prefix();
  const std::string joined = prefix.empty() ? std::string() : prefix + std::string(text.text);
  const std::string_view whole = prefix.empty() ? text.text : std::string_view(joined);
  const auto encode = [&](bool special) {
    return model_->tokenizer().Encode(
        whole, {.add_special = special, .parse_special = parse_control_tokens_});
  };
  Tokens tokens;
  tokens.ids = encode(true);
  const size_t all = tokens.ids.size();
  const size_t limit = static_cast<size_t>(encoder.max_tokens());
  tokens.truncated = all > limit;
  const bool ends_specially = model_->tokenizer().IsControl(tokens.ids.back());

  if (!text.parts.empty()) {
    const std::vector<TokenId> plain = encode(false);
    // Special tokens before the text's own.
    size_t lead = 0;
    while (lead + plain.size() < all &&
           !std::equal(plain.begin(), plain.end(),
                       tokens.ids.begin() + static_cast<ptrdiff_t>(lead))) {
      ++lead;
    }
    std::vector<uint64_t> bounds;
    for (const ByteSpan& part : text.parts) {
      for (const uint64_t at : {part.start, part.end}) {
        bounds.push_back(prefix.size() + std::min<uint64_t>(at, text.text.size()));
      }
    }
    const std::vector<size_t> counts = CountUpTo(whole, bounds, plain.size());
    const size_t kept = tokens.truncated ? limit - (ends_specially ? 1 : 0) : all;
    for (size_t i = 0; i < text.parts.size(); ++i) {
      Tokens::Part part{lead + counts[2 * i], lead + counts[2 * i + 1], false};
      part.truncated = part.end > kept || part.begin == part.end;
      part.end = std::min(part.end, kept);
      part.begin = std::min(part.begin, part.end);
      tokens.parts.push_back(part);
    }
  }
  if (tokens.truncated) {
    const TokenId last = tokens.ids.back();
    tokens.ids.resize(limit);
    if (ends_specially) tokens.ids.back() = last;
  }
  return tokens;
}

StatusOr<Embeddings> TextEncoder::Embed(std::span<const std::string_view> texts, TextRole role,
                                        const CallContext& call) const {
  std::vector<PartedText> whole(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) whole[i].text = texts[i];
  FOOTNOTE_ASSIGN_OR_RETURN(PartedEmbeddings result, EmbedParts(whole, role, call));
  return std::move(result.texts);
}

StatusOr<PartedEmbeddings> TextEncoder::EmbedParts(std::span<const PartedText> texts, TextRole role,
                                                   const CallContext& call) const {
  PartedEmbeddings result;
  const size_t row_width = static_cast<size_t>(width());
  std::vector<Tokens> tokens(texts.size());
  std::vector<size_t> first_part(texts.size());  // row of a text's first part
  size_t parts = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    // Tokenising a large batch takes a while too.
    if (i % 64 == 0) FOOTNOTE_RETURN_IF_ERROR(call.Check());
    tokens[i] = Tokenise(texts[i], role);
    result.texts.truncated.push_back(tokens[i].truncated);
    first_part[i] = parts;
    parts += tokens[i].parts.size();
    for (const Tokens::Part& part : tokens[i].parts) {
      result.parts.truncated.push_back(part.truncated);
    }
  }
  result.texts.width = result.parts.width = width();
  result.texts.values.resize(texts.size() * row_width);
  result.parts.values.resize(parts * row_width);
  // By length, so that the sequences of a batch take equally long and its size is well used.
  std::vector<size_t> order(texts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&tokens](size_t a, size_t b) {
    return tokens[a].ids.size() > tokens[b].ids.size();
  });
  const size_t batch_tokens = model_->gpu() == nullptr ? kBatchTokens : kGpuBatchTokens;
  for (size_t first = 0; first < order.size();) {
    FOOTNOTE_RETURN_IF_ERROR(call.Check());
    EncoderBatch batch;
    std::vector<size_t> part_rows;
    batch.offsets.push_back(0);
    size_t last = first;
    do {
      const Tokens& text = tokens[order[last]];
      const int64_t start = batch.offsets.back();
      batch.ids.insert(batch.ids.end(), text.ids.begin(), text.ids.end());
      batch.offsets.push_back(static_cast<int64_t>(batch.ids.size()));
      for (size_t p = 0; p < text.parts.size(); ++p) {
        const Tokens::Part& part = text.parts[p];
        if (part.begin == part.end) continue;  // its row stays zeros
        batch.parts.push_back(
            {start + static_cast<int64_t>(part.begin), start + static_cast<int64_t>(part.end)});
        part_rows.push_back(first_part[order[last]] + p);
      }
      ++last;
    } while (last < order.size() &&
             batch.ids.size() + tokens[order[last]].ids.size() <= batch_tokens);
    FOOTNOTE_ASSIGN_OR_RETURN(std::vector<float> vectors, model_->Encode(batch));
    const auto move_row = [&](size_t from, std::vector<float>& to, size_t row) {
      const std::span<float> vector(vectors.data() + from * row_width, row_width);
      Normalise(vector);
      std::copy(vector.begin(), vector.end(), to.begin() + static_cast<ptrdiff_t>(row * row_width));
    };
    for (size_t i = first; i < last; ++i) move_row(i - first, result.texts.values, order[i]);
    for (size_t p = 0; p < part_rows.size(); ++p) {
      move_row(last - first + p, result.parts.values, part_rows[p]);
    }
    first = last;
  }
  return result;
}

}  // namespace footnote::generator
