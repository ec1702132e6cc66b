#include "server/eval/answer_score.h"

#include <algorithm>
#include <array>
#include <set>

#include "common/text/sentences.h"

namespace footnote::server {
namespace {

// Words that carry no claim. Written for this file alone: the rule must not share the gate's lists.
constexpr auto kEmptyWords = std::to_array<std::string_view>({
    "a",     "about", "above", "according", "after", "all",   "also",  "an",    "and",  "any",
    "are",   "as",    "at",    "be",        "been",  "being", "but",   "by",    "can",  "could",
    "did",   "do",    "does",  "each",      "for",   "from",  "had",   "has",   "have", "he",
    "her",   "here",  "his",   "how",       "if",    "in",    "into",  "is",    "it",   "its",
    "may",   "might", "more",  "most",      "must",  "no",    "not",   "of",    "on",   "or",
    "other", "our",   "she",   "should",    "so",    "some",  "such",  "than",  "that", "the",
    "their", "them",  "then",  "there",     "these", "they",  "this",  "those", "to",   "was",
    "we",    "were",  "what",  "when",      "where", "which", "while", "who",   "will", "with",
    "would", "yes",   "you",   "your",
});

// A word without its commonest ending, so that "terminates" is found in "terminated".
std::string Root(const std::string& word) {
  for (const std::string_view ending : {"ing", "ed", "es", "s", "ly"}) {
    if (word.size() >= ending.size() + 4 && word.ends_with(ending)) {
      return word.substr(0, word.size() - ending.size());
    }
  }
  return word.size() >= 5 && word.ends_with('e') ? word.substr(0, word.size() - 1) : word;
}

bool IsNumber(const std::string& word) {
  return std::any_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<std::string> ContentRoots(std::string_view text) {
  std::vector<std::string> roots;
  for (const std::string& token : AnswerTokens(text)) {
    if (std::binary_search(kEmptyWords.begin(), kEmptyWords.end(), std::string_view(token)))
      continue;
    roots.push_back(Root(token));
  }
  return roots;
}

uint64_t Overlap(const ByteSpan& a, const ByteSpan& b) {
  const uint64_t start = std::max(a.start, b.start);
  const uint64_t end = std::min(a.end, b.end);
  return end > start ? end - start : 0;
}

}  // namespace

std::vector<std::string> AnswerTokens(std::string_view text) {
  std::vector<std::string> tokens;
  std::string token;
  const auto finish = [&] {
    if (!token.empty() && token != "a" && token != "an" && token != "the") tokens.push_back(token);
    token.clear();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool upper = c >= 'A' && c <= 'Z';
    const bool word = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      static_cast<unsigned char>(c) >= 0x80;
    // "1,500" and "3.5" are one number.
    const bool inside = (c == ',' || c == '.') && i > 0 && i + 1 < text.size() &&
                        text[i - 1] >= '0' && text[i - 1] <= '9' && text[i + 1] >= '0' &&
                        text[i + 1] <= '9';
    if (word) {
      token += upper ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (inside) {
      if (c == '.') token += c;
    } else {
      finish();
    }
  }
  finish();
  return tokens;
}

double TokenF1(std::string_view answer, std::string_view gold) {
  const std::vector<std::string> ours = AnswerTokens(answer);
  const std::vector<std::string> theirs = AnswerTokens(gold);
  if (ours.empty() || theirs.empty()) return 0;
  std::map<std::string, int> counts;
  for (const std::string& token : theirs) ++counts[token];
  int shared = 0;
  for (const std::string& token : ours) {
    if (const auto found = counts.find(token); found != counts.end() && found->second > 0) {
      --found->second;
      ++shared;
    }
  }
  if (shared == 0) return 0;
  const double precision = shared / static_cast<double>(ours.size());
  const double recall = shared / static_cast<double>(theirs.size());
  return 2 * precision * recall / (precision + recall);
}

SupportTexts::SupportTexts(const std::vector<std::string_view>& texts) {
  for (const std::string_view whole : texts) {
    Text text;
    for (const ByteSpan& span : SplitSentences(whole)) {
      std::map<std::string, int>& words = text.sentences.emplace_back();
      for (const std::string& root : ContentRoots(whole.substr(span.start, span.size()))) {
        ++words[root];
        if (IsNumber(root)) ++text.numbers[root];
      }
    }
    texts_.push_back(std::move(text));
  }
}

bool SupportTexts::Claims(std::string_view sentence) { return !ContentRoots(sentence).empty(); }

bool SupportTexts::Support(std::string_view sentence) const {
  const std::vector<std::string> roots = ContentRoots(sentence);
  if (roots.empty()) return true;
  constexpr size_t kNeighbours = 3;
  for (const Text& text : texts_) {
    if (std::any_of(roots.begin(), roots.end(), [&](const std::string& root) {
          return IsNumber(root) && !text.numbers.contains(root);
        })) {
      continue;
    }
    for (size_t first = 0; first < text.sentences.size(); ++first) {
      const size_t end = std::min(first + kNeighbours, text.sentences.size());
      const auto held = std::count_if(roots.begin(), roots.end(), [&](const std::string& root) {
        for (size_t i = first; i < end; ++i) {
          if (text.sentences[i].contains(root)) return true;
        }
        return false;
      });
      if (static_cast<double>(held) >= kSupportedShare * static_cast<double>(roots.size()) - 1e-9) {
        return true;
      }
    }
  }
  return false;
}

OnEvidence JudgeQuotation(const std::string& document_id, const ByteSpan& span,
                          const GoldAnswer& gold) {
  OnEvidence judged;
  const auto spans = gold.evidence.find(document_id);
  if (spans == gold.evidence.end()) return judged;
  uint64_t inside = 0;
  for (size_t i = 0; i < spans->second.size(); ++i) {
    const ByteSpan& piece = spans->second[i];
    const uint64_t shared = Overlap(piece, span);
    if (shared == 0) continue;
    inside += shared;
    judged.touched.push_back(i);
    judged.right = judged.right || 2 * shared >= piece.size();
  }
  judged.right = judged.right || (inside > 0 && 2 * inside >= span.size());
  return judged;
}

AnswerScore ScoreAnswer(const Answer& answer, const GoldAnswer& gold) {
  AnswerScore score;
  score.answerable = gold.answerable;
  score.abstained = answer.abstained;
  for (const auto& [document, spans] : gold.evidence) {
    score.evidence_spans += static_cast<int>(spans.size());
    for (const Passage& passage : answer.passages) {
      score.evidence_retrieved =
          score.evidence_retrieved ||
          (passage.document_id == document &&
           std::any_of(spans.begin(), spans.end(),
                       [&](const ByteSpan& span) { return Overlap(span, passage.span) > 0; }));
    }
  }
  if (answer.abstained) return score;
  std::vector<std::string_view> texts(gold.evidence_texts.begin(), gold.evidence_texts.end());
  texts.insert(texts.end(), gold.documents.begin(), gold.documents.end());
  for (const Passage& passage : answer.passages) texts.push_back(passage.text);
  const SupportTexts support(texts);
  for (const AnswerSentence& sentence : answer.sentences) {
    if (!SupportTexts::Claims(sentence.text)) continue;
    const bool unsupported = !support.Support(sentence.text);
    const bool written = sentence.origin != SentenceOrigin::kQuoted;
    ++score.sentences;
    score.unsupported += unsupported ? 1 : 0;
    score.written += written ? 1 : 0;
    score.written_unsupported += written && unsupported ? 1 : 0;
  }
  for (const std::string& text : gold.answers)
    score.f1 = std::max(score.f1, TokenF1(answer.text, text));
  for (const std::string& text : gold.evidence_texts) {
    score.f1 = std::max(score.f1, TokenF1(answer.text, text));
  }
  std::map<std::string, std::set<size_t>> cited;
  for (const Citation& citation : answer.citations) {
    ++score.citations;
    const OnEvidence judged = JudgeQuotation(citation.document_id, citation.span, gold);
    if (!judged.right) continue;
    ++score.right_citations;
    cited[citation.document_id].insert(judged.touched.begin(), judged.touched.end());
  }
  score.cites_evidence = score.right_citations > 0;
  for (const auto& [document, touched] : cited) {
    score.cited_spans += static_cast<int>(touched.size());
  }
  return score;
}

}  // namespace footnote::server
