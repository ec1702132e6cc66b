#include "generator/sentence_search.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <future>
#include <map>
#include <span>
#include <string_view>
#include <utility>

#include "common/text/sentences.h"
#include "common/text/utf8.h"

namespace footnote::generator {
namespace {

using Clock = std::chrono::steady_clock;

// Others that are told of each token.
constexpr int kAlternatives = 4;
// A beginning is judged by the mean of its tokens and so many more that are that likely: else the
// first tokens of a sentence, of which none is very likely, would never be changed.
constexpr double kPriorTokens = 6;
constexpr double kPriorLogProbability = -0.5;

// Whether there is a main clause with a word that is surely its verb.
bool HasVerb(std::string_view text) {
  constexpr auto kVerbs = std::to_array<std::string_view>(
      {"are", "can", "could", "did", "do", "does", "had", "has", "have", "is", "may", "must",
       "shall", "should", "was", "were", "will"});
  constexpr auto kSubordinators =
      std::to_array<std::string_view>({"after", "because", "before", "if", "that", "until", "when",
                                       "where", "which", "while", "who"});
  const auto in = [](const auto& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find_first_of(" ,.;:()", begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    if (in(kVerbs, word)) return true;
    if (in(kSubordinators, word)) return false;
    begin = end + 1;
  }
  return false;
}

// "A, you shall", "1, note": the label of a list's item, no word.
bool BeginsWithLabel(std::string_view text) { return text.substr(0, 3).find(',') < 3; }

// "directed by Robert C.": the name goes on.
bool EndsWithInitial(std::string_view text) {
  const std::string_view end = text.substr(text.size() - std::min<size_t>(text.size(), 3));
  return end.size() == 3 && end[0] == ' ' && end[1] >= 'A' && end[1] <= 'Z' && end[2] == '.';
}

// Of a sentence: from there the model writes on.
struct Beginning {
  std::vector<TokenId> tokens;
  double sum = 0;  // of their log-probabilities
  double promise() const {
    return (sum + kPriorTokens * kPriorLogProbability) /
           (static_cast<double>(tokens.size()) + kPriorTokens);
  }
};

// `whole`, behind what was written before.
class WhenBehind final : public TokenConstraint {
 public:
  WhenBehind(std::shared_ptr<const InOrder> whole, std::vector<TokenId> before)
      : whole_(std::move(whole)), before_(std::move(before)) {}
  std::vector<TokenId> Allowed(std::span<const TokenId> generated) const override {
    std::vector<TokenId> all = before_;
    all.insert(all.end(), generated.begin(), generated.end());
    return whole_->Allowed(all);
  }

 private:
  std::shared_ptr<const InOrder> whole_;
  std::vector<TokenId> before_;
};

class Search {
 public:
  Search(TextGenerator& generator, const GenerationRequest& request,
         std::shared_ptr<const InOrder> in_order, const SentenceSearchOptions& options,
         const CallContext& call)
      : generator_(generator),
        request_(request),
        in_order_(std::move(in_order)),
        options_(options),
        call_(call) {}

  StatusOr<FoundSentences> Run() {
    const Clock::time_point start = Clock::now();
    std::vector<Beginning> next(1);
    for (int round = 0; round < options_.rounds && !next.empty(); ++round) {
      FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<GenerationResult> results, WriteOnAll(next));
      if (round == 0) found_.prefill_ms = results.front().prefill_ms;
      for (size_t i = 0; i < results.size(); ++i) Read(next[i], results[i]);
      next = TakeBest();
    }
    for (const auto& [text, mean] : sentences_) found_.sentences.push_back({text, mean});
    std::stable_sort(found_.sentences.begin(), found_.sentences.end(),
                     [](const FoundSentence& a, const FoundSentence& b) {
                       return a.mean_log_probability > b.mean_log_probability;
                     });
    const std::chrono::duration<double, std::milli> passed = Clock::now() - start;
    found_.decode_ms = passed.count() - found_.prefill_ms;
    return std::move(found_);
  }

 private:
  std::string TextOf(std::span<const TokenId> tokens) const {
    return generator_.tokenizer().Decode(tokens, /*skip_special=*/true);
  }
  std::string TextOf(TokenId token) const { return TextOf(std::span(&token, 1)); }

  StatusOr<std::vector<GenerationResult>> WriteOnAll(
      const std::vector<Beginning>& beginnings) const {
    std::vector<std::future<StatusOr<GenerationResult>>> others;
    for (size_t i = 1; i < beginnings.size(); ++i) {
      others.push_back(std::async(std::launch::async,
                                  [this, &beginnings, i] { return WriteOn(beginnings[i]); }));
    }
    std::vector<StatusOr<GenerationResult>> written;
    written.push_back(WriteOn(beginnings[0]));
    for (auto& other : others) written.push_back(other.get());
    std::vector<GenerationResult> results;
    for (size_t i = 0; i < written.size(); ++i) {
      // A call has one place in the queue; where there are no more, one waits for the other.
      if (written[i].status().code() == StatusCode::kResourceExhausted) {
        written[i] = WriteOn(beginnings[i]);
      }
      if (!written[i].ok()) return written[i].status();
      results.push_back(*std::move(written[i]));
    }
    return results;
  }

  StatusOr<GenerationResult> WriteOn(const Beginning& beginning) const {
    GenerationRequest request = request_;
    request.prompt.insert(request.prompt.end(), beginning.tokens.begin(), beginning.tokens.end());
    request.constraint = std::make_shared<WhenBehind>(in_order_, beginning.tokens);
    request.max_tokens =
        std::max(1, options_.max_tokens - static_cast<int>(beginning.tokens.size()));
    request.alternatives = kAlternatives;
    request.least_log_probability = static_cast<float>(options_.least_token);
    std::vector<TokenId> written = beginning.tokens;
    return generator_.Generate(request, call_, [&](TokenId token) {
      written.push_back(token);
      const std::string text = TextOf(written);
      return !IsValidUtf8(text) || SplitSentences(text).size() < 2;  // one sentence
    });
  }

  // Notes the sentences of what was written, and where it could have gone on otherwise.
  void Read(const Beginning& beginning, const GenerationResult& result) {
    found_.prompt_tokens += static_cast<int64_t>(request_.prompt.size() + beginning.tokens.size());
    found_.cached_prompt_tokens += result.cached_prompt_tokens;
    found_.generated_tokens += static_cast<int64_t>(result.tokens.size());
    Beginning so_far = beginning;
    for (size_t i = 0; i < result.choices.size(); ++i) {
      const TokenChoice& choice = result.choices[i];
      for (const TokenLikelihood& other : choice.others) {
        if (static_cast<double>(other.log_probability) < options_.least_token) continue;
        if (TextOf(other.id) == ".") {
          NoteSentence(so_far, other.log_probability);
        } else if (!IsEnd(other.id)) {
          open_.push_back(Behind(so_far, other));
        }
      }
      // The last may be the choice of a token that did not come.
      if (i == result.tokens.size()) break;
      const bool ends = i + 1 == result.tokens.size() || TextOf(result.tokens[i + 1])[0] == ' ';
      if (TextOf(choice.chosen.id) == "." && ends) {
        NoteSentence(so_far, choice.chosen.log_probability);
        break;
      }
      so_far = Behind(so_far, choice.chosen);
    }
  }

  static Beginning Behind(Beginning beginning, const TokenLikelihood& token) {
    beginning.tokens.push_back(token.id);
    beginning.sum += static_cast<double>(token.log_probability);
    return beginning;
  }

  bool IsEnd(TokenId id) const {
    const std::span<const TokenId> ends = generator_.tokenizer().end_of_generation();
    return std::find(ends.begin(), ends.end(), id) != ends.end();
  }

  // What a full stop makes a sentence of.
  void NoteSentence(const Beginning& written, float full_stop) {
    const double mean = (written.sum + static_cast<double>(full_stop)) /
                        static_cast<double>(written.tokens.size() + 1);
    if (mean < options_.least_mean || !in_order_->MayEndBehind(written.tokens)) return;
    const std::string text = TextOf(written.tokens) + ".";
    const double least_end = HasVerb(text) ? options_.least_end : options_.least_end_without_verb;
    if (static_cast<double>(full_stop) < least_end) return;
    if (BeginsWithLabel(text) || EndsWithInitial(text)) return;
    // Several ways of tokens may spell it.
    const auto [entry, added] = sentences_.try_emplace(text, mean);
    if (!added) entry->second = std::max(entry->second, mean);
  }

  std::vector<Beginning> TakeBest() {
    std::stable_sort(open_.begin(), open_.end(), [](const Beginning& a, const Beginning& b) {
      return a.promise() > b.promise();
    });
    const auto end = open_.begin() + static_cast<ptrdiff_t>(std::min(
                                         open_.size(), static_cast<size_t>(options_.tries)));
    std::vector<Beginning> best(open_.begin(), end);
    open_.erase(open_.begin(), end);
    return best;
  }

  TextGenerator& generator_;
  const GenerationRequest& request_;
  const std::shared_ptr<const InOrder> in_order_;
  const SentenceSearchOptions& options_;
  const CallContext& call_;
  std::vector<Beginning> open_;
  std::map<std::string, double> sentences_;  // and their mean log-probabilities
  FoundSentences found_;
};

}  // namespace

StatusOr<FoundSentences> FindSentences(TextGenerator& generator, const GenerationRequest& request,
                                       const std::shared_ptr<const InOrder>& in_order,
                                       const SentenceSearchOptions& options,
                                       const CallContext& call) {
  return Search(generator, request, in_order, options, call).Run();
}

}  // namespace footnote::generator
