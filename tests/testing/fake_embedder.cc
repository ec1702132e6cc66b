#include "tests/testing/fake_embedder.h"

#include <cmath>

namespace footnote::testing {
namespace {

// SplitMix64: small, and the same everywhere.
uint64_t Mix(uint64_t& state) {
  uint64_t z = (state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

uint64_t HashOf(std::string_view word, uint64_t seed) {
  uint64_t hash = 0xCBF29CE484222325u ^ seed;
  for (unsigned char c : word) hash = (hash ^ c) * 0x100000001B3u;
  return hash;
}

bool IsWordByte(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

}  // namespace

FakeEmbedder::FakeEmbedder(int width, uint64_t seed)
    : width_(width), seed_(seed), name_("fake-" + std::to_string(width)) {
  constexpr char kDigits[] = "0123456789abcdef";
  uint64_t state = seed * 1000 + static_cast<uint64_t>(width);
  for (int i = 0; i < 64; ++i) sha256_.push_back(kDigits[Mix(state) % 16]);
}

std::vector<std::string> FakeEmbedder::Words(std::string_view text) const {
  std::vector<std::string> words;
  std::string word;
  for (unsigned char c : text) {
    if (IsWordByte(c)) {
      word.push_back(static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c));
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

int FakeEmbedder::CountTokens(std::string_view text) const {
  return static_cast<int>(Words(text).size());
}

StatusOr<Embeddings> FakeEmbedder::Embed(std::span<const std::string_view> texts, TextRole,
                                         const CallContext& call) const {
  FOOTNOTE_RETURN_IF_ERROR(call.Check());
  Embeddings result;
  result.width = width_;
  for (std::string_view text : texts) {
    std::vector<std::string> words = Words(text);
    result.truncated.push_back(words.size() > static_cast<size_t>(max_tokens()));
    if (result.truncated.back()) words.resize(static_cast<size_t>(max_tokens()));
    if (words.empty()) words.push_back("");
    std::vector<double> sum(static_cast<size_t>(width_), 0.0);
    for (const std::string& word : words) {
      uint64_t state = HashOf(word, seed_);
      for (double& value : sum) value += static_cast<double>(Mix(state) >> 11) / (1ull << 52) - 1.0;
    }
    double norm = 0;
    for (double value : sum) norm += value * value;
    norm = std::sqrt(norm);
    for (double value : sum) result.values.push_back(static_cast<float>(value / norm));
  }
  return result;
}

StatusOr<PartedEmbeddings> FakeEmbedder::EmbedParts(std::span<const PartedText> texts,
                                                    TextRole role, const CallContext& call) const {
  std::vector<std::string_view> wholes, parts;
  for (const PartedText& text : texts) {
    wholes.push_back(text.text);
    for (const ByteSpan& part : text.parts) {
      parts.push_back(text.text.substr(part.start, part.size()));
    }
  }
  PartedEmbeddings result;
  FOOTNOTE_ASSIGN_OR_RETURN(result.texts, Embed(wholes, role, call));
  // Not what a test put in Embed's place: that counts calls, and stands for the whole.
  FOOTNOTE_ASSIGN_OR_RETURN(result.parts, FakeEmbedder::Embed(parts, role, call));
  return result;
}

}  // namespace footnote::testing
