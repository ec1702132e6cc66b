#include "server/sentence_stream.h"

#include <utility>

#include "common/text/sentences.h"
#include "common/text/utf8.h"

namespace footnote::server {

SentenceStream::SentenceStream(generator::TextGenerator& generator,
                               generator::GenerationRequest request, const CallContext& call)
    : generator_(generator) {
  thread_ = std::thread([this, request = std::move(request), call] { Run(request, call); });
}

SentenceStream::~SentenceStream() {
  Stop();
  if (thread_.joinable()) thread_.join();
}

void SentenceStream::Run(const generator::GenerationRequest& request, const CallContext& call) {
  StatusOr<generator::GenerationResult> result =
      generator_.Generate(request, call, [this](generator::TokenId token) {
        Accept(token);
        std::lock_guard lock(mutex_);
        return !stopped_;
      });
  std::lock_guard lock(mutex_);
  if (result.ok()) {
    result_ = std::move(result).value();
    // What is left is cut at its sentences too: a list's items, say, that no white space ended yet.
    const std::string rest = ReplaceInvalidUtf8(pending_);
    for (const ByteSpan& span : SplitSentences(rest)) {
      sentences_.push_back({rest.substr(span.start, span.size()), tokens_, false});
    }
    // A half sentence at the limit may say the opposite of the whole one.
    constexpr std::string_view kTerminal = ".!?:;\"')]”’。！？";
    if (result_.finish == generator::FinishReason::kLength && !sentences_.empty() &&
        !rest.empty() && kTerminal.find(sentences_.back().text.back()) == std::string_view::npos) {
      sentences_.back().cut = true;
    }
  } else {
    status_ = result.status();
  }
  finished_ = true;
  changed_.notify_all();
}

void SentenceStream::Accept(generator::TokenId token) {
  ++tokens_;
  const generator::TokenId one[] = {token};
  pending_ += generator_.tokenizer().Decode(one, /*skip_special=*/true);
  if (!IsValidUtf8(pending_)) return;  // a character is still incomplete
  const std::vector<ByteSpan> spans = SplitSentences(pending_);
  // The last one may still grow.
  if (spans.size() < 2) return;
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i + 1 < spans.size(); ++i) {
    sentences_.push_back({pending_.substr(spans[i].start, spans[i].size()), tokens_, false});
  }
  pending_.erase(0, spans.back().start);
  changed_.notify_all();
}

StatusOr<std::optional<SentenceStream::Sentence>> SentenceStream::Next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopped_ || finished_ || !sentences_.empty(); });
  if (stopped_) return std::optional<Sentence>();
  if (!sentences_.empty()) {
    std::optional<Sentence> sentence = std::move(sentences_.front());
    sentences_.pop_front();
    return sentence;
  }
  if (!status_.ok()) return status_;
  return std::optional<Sentence>();
}

void SentenceStream::Stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

const generator::GenerationResult& SentenceStream::result() {
  if (thread_.joinable()) thread_.join();
  return result_;
}

}  // namespace footnote::server
