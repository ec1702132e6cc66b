#include "generator/runtime/cross_encoder.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>
#include <utility>

namespace footnote::generator {
namespace {

// As for vectors: a cancelled call waits for one batch, and its activations stay in the caches.
constexpr size_t kBatchTokens = 1024;
// On a GPU, to fill it.
constexpr size_t kGpuBatchTokens = 32768;
// A longer query loses its end, so that something of the text is seen.
constexpr size_t kLeastTextTokens = 64;
constexpr int kLeastPositions = 16;
// A cross-encoder reads both texts together and is trained for the order alone, so it decides; what
// it finds equally good (its scores crowd at 0 and 1), the ranking before it decides. Not measured:
// docs/quality.md.
constexpr double kShare = 0.6;

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

StatusOr<size_t> RelevantLabel(std::span<const std::string> labels) {
  if (labels.size() == 1) return size_t{0};
  if (labels.size() == 2) return size_t{1};
  std::string known;
  for (size_t i = 0; i < labels.size(); ++i) {
    const std::string name = Lower(labels[i]);
    if (name == "relevant" || name == "entailment") return i;
    known += (i == 0 ? "" : ", ") + labels[i];
  }
  return InvalidArgumentError("the head tells " + std::to_string(labels.size()) +
                              " labels apart (" + known +
                              "), and which of them means relevant is not known: name it "
                              "\"relevant\" in id2label of config.json");
}

float Relevance(std::span<const float> logits, size_t label) {
  const auto wanted = static_cast<double>(logits[label]);
  if (logits.size() == 1) return static_cast<float>(1 / (1 + std::exp(-wanted)));
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - wanted);
  return static_cast<float>(1 / sum);
}

StatusOr<std::unique_ptr<Reranker>> CrossEncoder::Create(std::shared_ptr<const LoadedModel> model,
                                                         std::string model_sha256) {
  const ModelInfo& info = model->info();
  if (info.labels.empty()) {
    return InvalidArgumentError(
        info.name + " (" + info.architecture + ") is " +
        (model->encoder() == nullptr ? "a decoder" : "an encoder without a classifying head") +
        " and cannot rank pairs of texts; give the folder of a cross-encoder "
        "(BertForSequenceClassification and the like), or `generator`");
  }
  if (info.labels_tokens) {
    return InvalidArgumentError(info.name +
                                " labels tokens and cannot rank pairs of texts; give the folder of "
                                "a cross-encoder (...ForSequenceClassification), or `generator`");
  }
  const StatusOr<size_t> label = RelevantLabel(info.labels);
  if (!label.ok()) return label.status().WithContext(info.name);
  FOOTNOTE_ASSIGN_OR_RETURN(PairTemplate pair, ReadPairTemplate(model->path(), model->tokenizer()));
  if (model->encoder()->max_tokens() < kLeastPositions) {
    return InvalidArgumentError(info.name + " takes " +
                                std::to_string(model->encoder()->max_tokens()) +
                                " tokens, too few for a pair of texts");
  }
  std::unique_ptr<CrossEncoder> encoder(
      new CrossEncoder(std::move(model), std::move(model_sha256), *label));
  encoder->pair_ = std::move(pair);
  return std::unique_ptr<Reranker>(std::move(encoder));
}

CrossEncoder::CrossEncoder(std::shared_ptr<const LoadedModel> model, std::string model_sha256,
                           size_t label)
    : model_(std::move(model)), model_sha256_(std::move(model_sha256)), label_(label) {
  const ModelInfo& info = model_->info();
  name_ = info.name + " (cross-encoder";
  if (info.labels.size() > 1) name_ += ", label " + info.labels[label_];
  name_ += ")";
}

double CrossEncoder::share() const { return kShare; }

std::vector<TokenId> CrossEncoder::Tokens(std::string_view text, size_t limit) const {
  std::vector<TokenId> ids = model_->tokenizer().Encode(text, {.add_special = false});
  if (ids.size() > limit) ids.resize(limit);
  return ids;
}

StatusOr<std::vector<float>> CrossEncoder::Score(std::string_view query,
                                                 std::span<const std::string_view> texts,
                                                 const CallContext& call) const {
  using Kind = PairTemplate::Piece::Kind;
  const size_t special = pair_.special_tokens();
  const size_t room = static_cast<size_t>(model_->encoder()->max_tokens()) - special;
  const std::vector<TokenId> question = Tokens(query, room - std::min(kLeastTextTokens, room / 2));
  // A model of one type is given nothing else, whatever its tokenizer says.
  const auto most_type =
      static_cast<int32_t>(std::max<int64_t>(model_->encoder()->type_count(), 1) - 1);
  std::vector<std::vector<TokenId>> tokens;
  for (const std::string_view text : texts) tokens.push_back(Tokens(text, room - question.size()));
  // By length, so that the sequences of a batch take equally long and its size is well used.
  std::vector<size_t> order(texts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&tokens](size_t a, size_t b) { return tokens[a].size() > tokens[b].size(); });
  std::vector<float> scores(texts.size());
  const size_t batch_tokens = model_->gpu() == nullptr ? kBatchTokens : kGpuBatchTokens;
  for (size_t first = 0; first < order.size();) {
    FOOTNOTE_RETURN_IF_ERROR(call.Check());
    EncoderBatch batch;
    batch.offsets.push_back(0);
    size_t last = first;
    do {
      for (const PairTemplate::Piece& piece : pair_.pieces) {
        const std::vector<TokenId>& text =
            piece.kind == Kind::kFirstText ? question : tokens[order[last]];
        if (piece.kind == Kind::kSpecial) {
          batch.ids.push_back(piece.id);
        } else {
          batch.ids.insert(batch.ids.end(), text.begin(), text.end());
        }
        batch.types.resize(batch.ids.size(), std::min(piece.type, most_type));
      }
      batch.offsets.push_back(static_cast<int64_t>(batch.ids.size()));
      ++last;
    } while (last < order.size() &&
             batch.ids.size() + special + question.size() + tokens[order[last]].size() <=
                 batch_tokens);
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> logits, model_->Classify(batch));
    const size_t labels = model_->info().labels.size();
    for (size_t i = first; i < last; ++i) {
      scores[order[i]] = Relevance(std::span(logits).subspan((i - first) * labels, labels), label_);
    }
    first = last;
  }
  return scores;
}

}  // namespace footnote::generator
