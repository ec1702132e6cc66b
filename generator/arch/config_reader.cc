#include "generator/arch/config_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace footnote::generator {
namespace {

std::string NumberText(double value) {
  std::string text = std::to_string(value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

constexpr std::string_view kHarmlessConfigKeys[] = {
    // book-keeping
    "_attn_implementation", "_attn_implementation_autoset", "_commit_hash", "_name_or_path",
    "architectures", "auto_map", "dtype", "finetuning_task", "id2label", "label2id", "model_type",
    "name_or_path", "tokenizer_class", "torch_dtype", "transformers.js_config",
    "transformers_version", "unsloth_fixed", "unsloth_version", "use_cache", "tf_legacy_loss",
    "torchscript", "use_bfloat16", "return_dict", "output_attentions", "output_hidden_states",
    "chunk_size_feed_forward", "problem_type", "prefix", "task_specific_params", "mlx_version",
    // training
    "attention_dropout", "attention_probs_dropout_prob", "classifier_dropout",
    "gradient_checkpointing", "hidden_dropout_prob", "hidden_dropout", "initializer_range",
    "pretraining_tp", "embd_pdrop", "resid_pdrop", "max_window_layers",
    // generation defaults; what ends a generation is the tokenizer's concern
    "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "cls_token_id", "mask_token_id",
    "decoder_start_token_id", "bad_words_ids", "begin_suppress_tokens", "diversity_penalty",
    "do_sample", "early_stopping", "encoder_no_repeat_ngram_size",
    "exponential_decay_length_penalty", "forced_bos_token_id", "forced_eos_token_id",
    "length_penalty", "max_length", "min_length", "no_repeat_ngram_size", "num_beam_groups",
    "num_beams", "num_return_sequences", "output_scores", "remove_invalid_values",
    "repetition_penalty", "return_dict_in_generate", "suppress_tokens", "temperature", "top_k",
    "top_p", "typical_p"};

}  // namespace

std::span<const std::string_view> HarmlessConfigKeys() { return kHarmlessConfigKeys; }

std::string ConfigReader::Describe(std::string_view key) const {
  return source_.description() + ": configuration key '" + prefix_ + std::string(key) + "'";
}

bool ConfigReader::Has(std::string_view key) {
  std::string full = prefix_ + std::string(key);
  const bool found = source_.Has(full);
  // config.json's keys are checked at its top level; a nested object is read by whoever reads one
  // of its keys, and checks it whole.
  read_.insert(gguf() ? std::move(full) : full.substr(0, full.find('.')));
  return found;
}

bool ConfigReader::Mentions(std::string_view key) const {
  const std::vector<std::string> keys = source_.Keys();
  return std::find(keys.begin(), keys.end(), prefix_ + std::string(key)) != keys.end();
}

StatusOr<int64_t> ConfigReader::Size(std::string_view key) {
  if (!Has(key)) return NotFoundError(Describe(key) + " is missing");
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t value, source_.GetInt(prefix_ + std::string(key)));
  if (value < 1 || value > std::numeric_limits<int32_t>::max()) {
    return InvalidArgumentError(Describe(key) + " is " + std::to_string(value) +
                                "; it must be a size above 0");
  }
  return value;
}

StatusOr<int64_t> ConfigReader::SizeOr(std::string_view key, int64_t absent) {
  return Has(key) ? Size(key) : StatusOr<int64_t>(absent);
}

StatusOr<int64_t> ConfigReader::CountOr(std::string_view key, int64_t absent) {
  if (!Has(key)) return absent;
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t value, source_.GetInt(prefix_ + std::string(key)));
  return value == 0 ? StatusOr<int64_t>(0) : Size(key);
}

StatusOr<double> ConfigReader::Positive(std::string_view key) {
  if (!Has(key)) return NotFoundError(Describe(key) + " is missing");
  FOOTNOTE_ASSIGN_OR_RETURN(const double value, source_.GetFloat(prefix_ + std::string(key)));
  if (!std::isfinite(value) || value <= 0) {
    return InvalidArgumentError(Describe(key) + " is " + std::to_string(value) +
                                "; it must be a number above 0");
  }
  return value;
}

StatusOr<double> ConfigReader::PositiveOr(std::string_view key, double absent) {
  return Has(key) ? Positive(key) : StatusOr<double>(absent);
}

StatusOr<bool> ConfigReader::FlagOr(std::string_view key, bool absent) {
  return Has(key) ? source_.GetBool(prefix_ + std::string(key)) : StatusOr<bool>(absent);
}

StatusOr<std::string> ConfigReader::TextOr(std::string_view key, std::string absent) {
  return Has(key) ? source_.GetString(prefix_ + std::string(key))
                  : StatusOr<std::string>(std::move(absent));
}

StatusOr<std::vector<int64_t>> ConfigReader::Integers(std::string_view key) {
  if (!Has(key)) return NotFoundError(Describe(key) + " is missing");
  return source_.GetInts(prefix_ + std::string(key));
}

StatusOr<std::vector<double>> ConfigReader::Numbers(std::string_view key) {
  if (!Has(key)) return NotFoundError(Describe(key) + " is missing");
  return source_.GetFloats(prefix_ + std::string(key));
}

StatusOr<std::vector<std::string>> ConfigReader::Texts(std::string_view key) {
  if (!Has(key)) return NotFoundError(Describe(key) + " is missing");
  return source_.GetStrings(prefix_ + std::string(key));
}

Status ConfigReader::ExpectFlag(std::string_view key, bool wanted) {
  FOOTNOTE_ASSIGN_OR_RETURN(const bool value, FlagOr(key, wanted));
  if (value == wanted) return OkStatus();
  return UnimplementedError(Describe(key) + " is " + (value ? "true" : "false") +
                            ", which is not supported");
}

Status ConfigReader::ExpectNumber(std::string_view key, double wanted) {
  if (!Has(key)) return OkStatus();
  FOOTNOTE_ASSIGN_OR_RETURN(const double value, source_.GetFloat(prefix_ + std::string(key)));
  if (value == wanted) return OkStatus();
  return UnimplementedError(Describe(key) + " is " + NumberText(value) + "; only " +
                            NumberText(wanted) + " is supported");
}

Status ConfigReader::ExpectText(std::string_view key, std::string_view wanted) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string value, TextOr(key, std::string(wanted)));
  if (value == wanted) return OkStatus();
  return UnimplementedError(Describe(key) + " is '" + value + "'; only '" + std::string(wanted) +
                            "' is supported");
}

void ConfigReader::Ignore(std::span<const std::string_view> keys) {
  for (const std::string_view key : keys) read_.insert(prefix_ + std::string(key));
}

Status ConfigReader::CheckAllRead() const {
  for (const std::string& key : source_.Keys()) {
    // Other sections of a GGUF ("general.", "tokenizer.") are not the architecture's.
    if (!key.starts_with(prefix_) || read_.contains(key) || !source_.Has(key)) continue;
    if (const StatusOr<bool> flag = source_.GetBool(key); flag.ok() && !*flag) continue;
    return UnimplementedError(source_.description() + ": configuration key '" + key +
                              "' is not known to this engine, and may change what the model "
                              "computes; if it does not, remove it from the configuration");
  }
  return OkStatus();
}

}  // namespace footnote::generator
