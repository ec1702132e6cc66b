#include "server/eval/grounding_baselines.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

namespace footnote::server {
namespace {

constexpr size_t kWindowWords = 70;
constexpr size_t kWindowStride = 50;

const std::unordered_set<std::string>& FunctionWords() {
  static const auto* const words = new std::unordered_set<std::string>{
      "a",   "an",   "and", "are",  "as",    "at",    "be",  "been", "being", "but", "by",
      "for", "from", "if",  "in",   "is",    "it",    "its", "no",   "not",   "of",  "on",
      "or",  "that", "the", "this", "these", "those", "to",  "was",  "were",  "with"};
  return *words;
}

std::vector<std::string> WordsOf(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty() && !FunctionWords().contains(word)) words.push_back(word);
    word.clear();
  };
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      word += c;
    } else {
      end_word();
    }
  }
  end_word();
  return words;
}

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::vector<std::string_view> WindowsOfText(std::string_view text) {
  std::vector<ByteSpan> words;
  for (size_t i = 0; i < text.size();) {
    if (IsSpace(text[i])) {
      ++i;
      continue;
    }
    const size_t start = i;
    while (i < text.size() && !IsSpace(text[i])) ++i;
    words.push_back({start, i});
  }
  std::vector<std::string_view> windows;
  for (size_t first = 0; first < words.size(); first += kWindowStride) {
    const size_t last = std::min(words.size(), first + kWindowWords) - 1;
    windows.push_back(text.substr(words[first].start, words[last].end - words[first].start));
    if (last + 1 == words.size()) break;
  }
  return windows;
}

}  // namespace

double WordOverlap(std::string_view text, const std::vector<Passage>& documents) {
  std::unordered_set<std::string> held;
  for (const Passage& document : documents) {
    for (std::string_view part :
         {std::string_view(document.title), std::string_view(document.text)}) {
      for (std::string& word : WordsOf(part)) held.insert(std::move(word));
    }
  }
  const std::vector<std::string> words = WordsOf(text);
  if (words.empty()) return 1;
  const auto found = std::count_if(words.begin(), words.end(),
                                   [&](const std::string& word) { return held.contains(word); });
  return static_cast<double>(found) / static_cast<double>(words.size());
}

StatusOr<const Embeddings*> WindowSimilarity::WindowsOf(const Passage& document,
                                                        const CallContext& call) {
  if (const auto known = windows_.find(document.document_id); known != windows_.end()) {
    return &known->second;
  }
  FOOTNOTE_ASSIGN_OR_RETURN(
      Embeddings vectors, embedder_->Embed(WindowsOfText(document.text), TextRole::kPassage, call));
  return &windows_.emplace(document.document_id, std::move(vectors)).first->second;
}

StatusOr<double> WindowSimilarity::Of(std::string_view text, const std::vector<Passage>& documents,
                                      const CallContext& call) {
  const std::string_view texts[] = {text};
  FOOTNOTE_ASSIGN_OR_RETURN(const Embeddings own,
                            embedder_->Embed(texts, TextRole::kPassage, call));
  double best = -1;
  for (const Passage& document : documents) {
    FOOTNOTE_ASSIGN_OR_RETURN(const Embeddings* windows, WindowsOf(document, call));
    for (size_t i = 0; i < windows->truncated.size(); ++i) {
      const std::span<const float> row = windows->row(i);
      double cosine = 0;
      for (size_t j = 0; j < row.size(); ++j) {
        cosine += static_cast<double>(own.row(0)[j]) * row[j];
      }
      best = std::max(best, cosine);
    }
  }
  return best;
}

}  // namespace footnote::server
