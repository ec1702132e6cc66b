#include "server/answer_builder.h"

#include <algorithm>
#include <utility>

#include "common/sha256.h"

namespace footnote::server {

AnswerBuilder::AnswerBuilder(std::span<const Passage> passages, std::vector<Citation> earlier)
    : passages_(passages), earlier_(std::move(earlier)) {
  for (const Citation& citation : earlier_) {
    next_number_ = std::max(next_number_, citation.number + 1);
  }
}

void AnswerBuilder::Open(std::string_view word) { text_ = word; }

std::vector<Citation> AnswerBuilder::Add(std::string text, SentenceOrigin origin,
                                         std::span<const generator::Support> supports) {
  return Append(' ', std::move(text), origin, supports);
}

std::vector<Citation> AnswerBuilder::AddLine(std::string text, SentenceOrigin origin,
                                             std::span<const generator::Support> supports) {
  return Append('\n', std::move(text), origin, supports);
}

// The number that the conversation knows this place by, else a new one. The latest turn comes
// first: an older client may have begun at 1 in each.
int AnswerBuilder::NumberFor(const Passage& passage, const ByteSpan& span) const {
  const auto used = [&](int number) {
    return std::any_of(citations_.begin(), citations_.end(),
                       [&](const Citation& citation) { return citation.number == number; });
  };
  const auto find = [&](auto&& same) {
    for (auto known = earlier_.rbegin(); known != earlier_.rend(); ++known) {
      if (known->document_id == passage.document_id && known->version == passage.version &&
          same(known->span) && !used(known->number)) {
        return known->number;
      }
    }
    return 0;
  };
  if (const int number = find([&](const ByteSpan& other) { return other == span; })) return number;
  const int number = find([&](const ByteSpan& other) {
    const uint64_t start = std::max(other.start, span.start);
    const uint64_t end = std::min(other.end, span.end);
    return end > start && 2 * (end - start) >= std::max(other.size(), span.size());
  });
  return number > 0 ? number : next_number_;
}

std::vector<Citation> AnswerBuilder::Append(char separator, std::string text, SentenceOrigin origin,
                                            std::span<const generator::Support> supports) {
  AnswerSentence sentence;
  sentence.origin = origin;
  std::vector<Citation> fresh;
  for (const generator::Support& support : supports) {
    const Passage& passage = passages_[static_cast<size_t>(support.passage)];
    auto known = std::find_if(citations_.begin(), citations_.end(), [&](const Citation& citation) {
      return citation.document_id == passage.document_id && citation.span == support.span;
    });
    if (known == citations_.end()) {
      Citation citation;
      citation.number = NumberFor(passage, support.span);
      if (citation.number == next_number_) ++next_number_;
      citation.document_id = passage.document_id;
      citation.version = passage.version;
      citation.title = passage.title;
      citation.span = support.span;
      citation.quote =
          passage.text.substr(support.span.start - passage.span.start, support.span.size());
      citation.content_sha256 = Sha256Hex(citation.quote);
      citation.score = support.score;
      citations_.push_back(citation);
      fresh.push_back(std::move(citation));
      known = citations_.end() - 1;
    } else {
      known->score = std::max(known->score, support.score);
    }
    if (std::find(sentence.citations.begin(), sentence.citations.end(), known->number) ==
        sentence.citations.end()) {
      sentence.citations.push_back(known->number);
    }
    sentence.support = std::max(sentence.support, support.score);
  }
  if (!text_.empty()) text_ += separator;
  sentence.span.start = text_.size();
  text_ += text;
  sentence.span.end = text_.size();
  sentence.text = std::move(text);
  sentences_.push_back(std::move(sentence));
  return fresh;
}

bool AnswerBuilder::Cites(int passage) const {
  return Cites(passage, passages_[static_cast<size_t>(passage)].span);
}

bool AnswerBuilder::Cites(int passage, const ByteSpan& span) const {
  return NumberOf(passage, span) != 0;
}

bool AnswerBuilder::CitesDocument(int passage) const {
  const std::string& document_id = passages_[static_cast<size_t>(passage)].document_id;
  return std::any_of(citations_.begin(), citations_.end(),
                     [&](const Citation& citation) { return citation.document_id == document_id; });
}

int AnswerBuilder::NumberOf(int passage, const ByteSpan& span) const {
  const std::string& document_id = passages_[static_cast<size_t>(passage)].document_id;
  for (const Citation& citation : citations_) {
    if (citation.document_id == document_id && citation.span.start < span.end &&
        span.start < citation.span.end) {
      return citation.number;
    }
  }
  return 0;
}

double AnswerBuilder::mean_support() const {
  if (sentences_.empty()) return 0;
  double sum = 0;
  for (const AnswerSentence& sentence : sentences_) sum += sentence.support;
  return sum / static_cast<double>(sentences_.size());
}

void AnswerBuilder::Finish(Answer& answer) {
  answer.grounding_score = mean_support();
  answer.text = std::move(text_);
  answer.sentences = std::move(sentences_);
  answer.citations = std::move(citations_);
}

std::string StripCitationMarks(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '[') {
      size_t end = i + 1;
      bool digits = false;
      while (end < text.size() &&
             (std::string_view("0123456789, ").find(text[end]) != std::string_view::npos)) {
        digits = digits || (text[end] >= '0' && text[end] <= '9');
        ++end;
      }
      if (digits && end < text.size() && text[end] == ']') {
        // The space before a mark goes with it: "word [1]." becomes "word."
        if (!out.empty() && out.back() == ' ') out.pop_back();
        i = end + 1;
        continue;
      }
    }
    out += text[i++];
  }
  const size_t begin = out.find_first_not_of(" \t\n");
  if (begin == std::string::npos) return {};
  return out.substr(begin, out.find_last_not_of(" \t\n") - begin + 1);
}

}  // namespace footnote::server
