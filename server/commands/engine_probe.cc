#include "server/commands/engine_probe.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "generator/chat_template.h"
#include "generator/engine.h"
#include "generator/tokenizer.h"
#include "server/model_notes.h"

namespace footnote::server {
namespace {

using generator::TokenId;
using Json = nlohmann::json;

static_assert(std::endian::native == std::endian::little, "floats travel in little-endian order");

// Only what is written is used of it, see EngineOptions.
constexpr int64_t kKvCacheBytes = int64_t{1} << 30;

std::string Dump(const Json& json) {
  // Pieces of characters can come out of detokenize.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status Missing(const char* field, const char* what) {
  return InvalidArgumentError("the request's '" + std::string(field) + "' must be " + what);
}

StatusOr<std::string> Text(const Json& request, const char* field) {
  const auto found = request.find(field);
  if (found == request.end() || !found->is_string()) return Missing(field, "a string");
  return found->get<std::string>();
}

StatusOr<bool> Flag(const Json& request, const char* field, bool absent) {
  const auto found = request.find(field);
  if (found == request.end()) return absent;
  if (!found->is_boolean()) return Missing(field, "true or false");
  return found->get<bool>();
}

StatusOr<std::vector<int32_t>> Integers(const Json& list, const char* field) {
  if (!list.is_array()) return Missing(field, "a list of integers");
  std::vector<int32_t> values;
  values.reserve(list.size());
  for (const Json& item : list) {
    // A negative number is kept as signed, so one comparison of each kind is enough.
    const bool fits = item.is_number_unsigned()
                          ? item.get<uint64_t>() <= uint64_t{std::numeric_limits<int32_t>::max()}
                          : item.is_number_integer() &&
                                item.get<int64_t>() >= std::numeric_limits<int32_t>::min();
    if (!fits) return Missing(field, "a list of integers of 32 bits");
    values.push_back(item.get<int32_t>());
  }
  return values;
}

StatusOr<std::vector<int32_t>> IntegersOf(const Json& request, const char* field) {
  const auto found = request.find(field);
  if (found == request.end()) return Missing(field, "a list of integers");
  return Integers(*found, field);
}

// [batch, n] lists of integers; absent gives an empty list.
StatusOr<std::vector<std::vector<int32_t>>> Lists(const Json& request, const char* field) {
  std::vector<std::vector<int32_t>> lists;
  const auto found = request.find(field);
  if (found == request.end()) return lists;
  if (!found->is_array()) return Missing(field, "a list of lists of integers");
  for (const Json& item : *found) {
    FOOTNOTE_ASSIGN_OR_RETURN(std::vector<int32_t> list, Integers(item, field));
    lists.push_back(std::move(list));
  }
  return lists;
}

void AppendBase64(std::span<const unsigned char> bytes, std::string& out) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = bytes.size() - i;
    const uint32_t group = static_cast<uint32_t>(bytes[i]) << 16 |
                           (left > 1 ? static_cast<uint32_t>(bytes[i + 1]) << 8 : 0) |
                           (left > 2 ? static_cast<uint32_t>(bytes[i + 2]) : 0);
    out += kDigits[group >> 18];
    out += kDigits[group >> 12 & 63];
    out += left > 1 ? kDigits[group >> 6 & 63] : '=';
    out += left > 2 ? kDigits[group & 63] : '=';
  }
}

// Writes {"shape":[rows,columns],"f32":"…"} in pieces: the logits of a long text are hundreds of
// megabytes, of which no second copy is made.
void WriteFloats(std::span<const float> values, size_t columns, std::ostream& out) {
  constexpr size_t kPieceBytes = 48 << 10;  // a multiple of 3, so that pieces join
  static_assert(kPieceBytes % 3 == 0);
  out << "{\"shape\":[" << (columns == 0 ? 0 : values.size() / columns) << "," << columns
      << "],\"f32\":\"";
  const auto* bytes = reinterpret_cast<const unsigned char*>(values.data());
  std::string piece;
  for (size_t begin = 0; begin < values.size_bytes(); begin += kPieceBytes) {
    piece.clear();
    AppendBase64({bytes + begin, std::min(kPieceBytes, values.size_bytes() - begin)}, piece);
    out << piece;
  }
  out << "\"}\n";
}

class Probe {
 public:
  Probe(std::shared_ptr<const generator::Model> model, Status no_model,
        std::unique_ptr<generator::Tokenizer> tokenizer)
      : model_(std::move(model)),
        no_model_(std::move(no_model)),
        own_tokenizer_(std::move(tokenizer)) {}

  // Answers one line, an error included.
  void Answer(const std::string& line, std::ostream& out) {
    const Status status = Dispatch(line, out);
    if (!status.ok()) {
      out << Dump({{"error",
                    {{"code", std::string(StatusCodeName(status.code()))},
                     {"message", status.message()}}}})
          << "\n";
    }
    out.flush();
  }

 private:
  Status Dispatch(const std::string& line, std::ostream& out) {
    const Json request = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!request.is_object()) {
      return InvalidArgumentError("the line is not a JSON object in UTF-8");
    }
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string op, Text(request, "op"));
    if (op == "tokenize") return Tokenize(request, out);
    if (op == "detokenize") return Detokenize(request, out);
    if (op != "logits" && op != "generate" && op != "embed" && op != "embed_text" &&
        op != "score" && op != "chat") {
      return InvalidArgumentError("the operation '" + op +
                                  "' is not one of tokenize, detokenize, logits, generate, embed, "
                                  "embed_text, score, chat");
    }
    if (model_ == nullptr) return no_model_;
    if (op == "logits") return Logits(request, out);
    if (op == "generate") return Generate(request, out);
    if (op == "embed") return Embed(request, out);
    if (op == "embed_text") return EmbedText(request, out);
    if (op == "score") return Score(request, out);
    return Chat(request, out);
  }

  const generator::Tokenizer& tokenizer() const {
    return model_ != nullptr ? model_->tokenizer() : *own_tokenizer_;
  }

  Status Tokenize(const Json& request, std::ostream& out) {
    generator::TokenizeOptions options;
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string text, Text(request, "text"));
    FOOTNOTE_ASSIGN_OR_RETURN(options.add_special,
                              Flag(request, "add_special", options.add_special));
    FOOTNOTE_ASSIGN_OR_RETURN(options.parse_special,
                              Flag(request, "parse_special", options.parse_special));
    out << Dump({{"ids", tokenizer().Encode(text, options)}}) << "\n";
    return OkStatus();
  }

  Status Detokenize(const Json& request, std::ostream& out) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<TokenId> ids, IntegersOf(request, "ids"));
    for (const TokenId id : ids) {
      if (id < 0 || id >= tokenizer().vocabulary_size()) {
        return InvalidArgumentError("token id " + std::to_string(id) +
                                    " is not in the vocabulary of " +
                                    std::to_string(tokenizer().vocabulary_size()));
      }
    }
    FOOTNOTE_ASSIGN_OR_RETURN(const bool skip_special, Flag(request, "skip_special", false));
    out << Dump({{"text", tokenizer().DecodeWhole(ids, skip_special)}}) << "\n";
    return OkStatus();
  }

  Status Logits(const Json& request, std::ostream& out) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<TokenId> ids, IntegersOf(request, "ids"));
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> logits, model_->Logits(ids));
    WriteFloats(logits, logits.size() / ids.size(), out);
    return OkStatus();
  }

  Status Generate(const Json& request, std::ostream& out) {
    generator::GenerationRequest generation;
    FOOTNOTE_ASSIGN_OR_RETURN(generation.prompt, IntegersOf(request, "ids"));
    FOOTNOTE_ASSIGN_OR_RETURN(generation.ignore_eos, Flag(request, "ignore_eos", false));
    const auto limit = request.find("max_tokens");
    if (limit == request.end() || !limit->is_number_integer() || limit->get<int64_t>() < 1 ||
        limit->get<int64_t>() > std::numeric_limits<int32_t>::max()) {
      return Missing("max_tokens", "an integer above 0");
    }
    generation.max_tokens = limit->get<int32_t>();
    if (generator_ == nullptr) {
      generator::EngineOptions options;
      options.kv_cache_bytes = kKvCacheBytes;
      FOOTNOTE_ASSIGN_OR_RETURN(generator_, generator::MakeTextGenerator(model_, options));
    }
    FOOTNOTE_ASSIGN_OR_RETURN(const generator::GenerationResult result,
                              generator_->Generate(generation, CallContext(), nullptr));
    out << Dump({{"ids", result.tokens}}) << "\n";
    return OkStatus();
  }

  // 'ids' with 'mask' and 'types', as a batch without what is masked; the rest keeps its positions.
  // seen: of each row, whether a token is in the batch.
  StatusOr<generator::EncoderBatch> Batch(const Json& request,
                                          std::vector<std::vector<bool>>* seen = nullptr) const {
    FOOTNOTE_ASSIGN_OR_RETURN(const auto ids, Lists(request, "ids"));
    FOOTNOTE_ASSIGN_OR_RETURN(const auto mask, Lists(request, "mask"));
    FOOTNOTE_ASSIGN_OR_RETURN(const auto types, Lists(request, "types"));
    if (ids.empty()) return Missing("ids", "a list of lists of integers, not empty");
    generator::EncoderBatch batch;
    batch.offsets.push_back(0);
    for (size_t row = 0; row < ids.size(); ++row) {
      for (const auto* other : {&mask, &types}) {
        if (!other->empty() &&
            (other->size() != ids.size() || (*other)[row].size() != ids[row].size())) {
          return InvalidArgumentError("'mask' and 'types' must have the shape of 'ids'");
        }
      }
      const std::vector<int32_t> positions = model_->Positions(ids[row]);
      if (seen != nullptr) seen->emplace_back(ids[row].size());
      for (size_t i = 0; i < ids[row].size(); ++i) {
        if (!mask.empty() && mask[row][i] == 0) continue;
        if (seen != nullptr) seen->back()[i] = true;
        batch.ids.push_back(ids[row][i]);
        batch.types.push_back(types.empty() ? 0 : types[row][i]);
        batch.positions.push_back(positions.empty() ? static_cast<int32_t>(i) : positions[i]);
        batch.places.push_back(static_cast<int32_t>(i));
      }
      batch.offsets.push_back(static_cast<int64_t>(batch.ids.size()));
    }
    return batch;
  }

  Status Embed(const Json& request, std::ostream& out) {
    FOOTNOTE_ASSIGN_OR_RETURN(const generator::EncoderBatch batch, Batch(request));
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> vectors, model_->Encode(batch));
    WriteFloats(vectors, vectors.size() / (batch.offsets.size() - 1), out);
    return OkStatus();
  }

  // A number for each sequence, or with several labels a list of their numbers. A head for tokens
  // gives a list for each token of each row, zeros for what is masked: [batch][n][labels].
  Status Score(const Json& request, std::ostream& out) {
    std::vector<std::vector<bool>> seen;
    FOOTNOTE_ASSIGN_OR_RETURN(const generator::EncoderBatch batch, Batch(request, &seen));
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> logits, model_->Classify(batch));
    const size_t labels = model_->info().labels.size();
    Json scores = Json::array();
    if (model_->info().labels_tokens) {
      auto next = logits.begin();
      for (const std::vector<bool>& row : seen) {
        Json tokens = Json::array();
        for (const bool each : row) {
          tokens.push_back(each ? std::vector<float>(next, next + static_cast<ptrdiff_t>(labels))
                                : std::vector<float>(labels));
          if (each) next += static_cast<ptrdiff_t>(labels);
        }
        scores.push_back(std::move(tokens));
      }
      out << Dump({{"scores", std::move(scores)}}) << "\n";
      return OkStatus();
    }
    for (size_t i = 0; i < logits.size(); i += labels) {
      if (labels == 1) {
        scores.push_back(logits[i]);
      } else {
        scores.push_back(std::vector<float>(logits.begin() + static_cast<ptrdiff_t>(i),
                                            logits.begin() + static_cast<ptrdiff_t>(i + labels)));
      }
    }
    out << Dump({{"scores", std::move(scores)}}) << "\n";
    return OkStatus();
  }

  Status EmbedText(const Json& request, std::ostream& out) {
    const auto found = request.find("texts");
    if (found == request.end() || !found->is_array()) return Missing("texts", "a list of strings");
    std::vector<std::string_view> texts;
    for (const Json& item : *found) {
      if (!item.is_string()) return Missing("texts", "a list of strings");
      texts.push_back(item.get_ref<const std::string&>());
    }
    if (embedder_ == nullptr) {
      // The model as its makers run it; the service reads control tokens in a text as text.
      FOOTNOTE_ASSIGN_OR_RETURN(
          embedder_, generator::MakeEmbedder(model_, "", {.parse_control_tokens = true}));
    }
    FOOTNOTE_ASSIGN_OR_RETURN(const Embeddings vectors,
                              embedder_->Embed(texts, TextRole::kPassage, CallContext()));
    WriteFloats(vectors.values, static_cast<size_t>(vectors.width), out);
    return OkStatus();
  }

  Status Chat(const Json& request, std::ostream& out) {
    if (model_->chat_template() == nullptr) {
      const std::string& problem = model_->info().template_problem;
      return problem.empty() ? FailedPreconditionError(
                                   model_->info().name +
                                   " has no chat template; name a family with --chat-template")
                             : UnimplementedError(problem);
    }
    const auto found = request.find("messages");
    if (found == request.end() || !found->is_array()) return Missing("messages", "a list");
    std::vector<generator::ChatMessage> messages;
    for (const Json& item : *found) {
      if (!item.is_object()) return Missing("messages", "a list of objects");
      generator::ChatMessage message;
      FOOTNOTE_ASSIGN_OR_RETURN(message.role, Text(item, "role"));
      FOOTNOTE_ASSIGN_OR_RETURN(message.content, Text(item, "content"));
      messages.push_back(std::move(message));
    }
    FOOTNOTE_ASSIGN_OR_RETURN(const bool prompt, Flag(request, "add_generation_prompt", false));
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<generator::PromptSegment> segments,
                              model_->chat_template()->Render(messages, prompt));
    std::string text;
    for (const generator::PromptSegment& segment : segments) text += segment.text;
    // A template writes BOS where its model wants one.
    out << Dump({{"ids", generator::EncodeSegments(tokenizer(), segments, /*add_bos=*/false)},
                 {"text", text}})
        << "\n";
    return OkStatus();
  }

  std::shared_ptr<const generator::Model> model_;
  Status no_model_;  // why there is none
  std::unique_ptr<generator::Tokenizer> own_tokenizer_;
  std::unique_ptr<generator::TextGenerator> generator_;  // made when first asked for
  std::unique_ptr<Embedder> embedder_;
};

}  // namespace

Status RunProbe(const std::filesystem::path& path, const generator::ModelOptions& options,
                std::istream& in, std::ostream& out) {
  StatusOr<std::shared_ptr<const generator::Model>> model = generator::Model::Load(path, options);
  std::unique_ptr<generator::Tokenizer> tokenizer;
  // The device or instruction set that was asked for.
  if (model.status().code() == StatusCode::kFailedPrecondition) return std::move(model).status();
  if (!model.ok()) {
    // A vocabulary without weights still tokenises; what needs weights then says why it cannot.
    StatusOr<std::unique_ptr<generator::Tokenizer>> alone = generator::Tokenizer::Load(path);
    if (!alone.ok()) return model.status().WithContext(alone.status().message());
    tokenizer = std::move(alone).value();
  }
  if (model.ok()) PrintModelNotes((*model)->info());
  Probe probe(model.ok() ? *model : nullptr, model.status(), std::move(tokenizer));
  std::string line;
  while (std::getline(in, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) continue;
    probe.Answer(line, out);
    if (!out) return UnavailableError("the reader of the answers went away");
  }
  return OkStatus();
}

}  // namespace footnote::server
