// Configurations of Phi, Falcon, GPT-BigCode and GPT-2 beyond what their goldens hold: defaults for
// keys that are left out, other spellings, and refusals by name. What they compute is compared with
// Hugging Face in architectures_test.cc.

#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "generator/runtime/loaded_model.h"
#include "generator/weights/weight_source.h"
#include "tests/testing/gguf_builder.h"
#include "tests/testing/model_goldens.h"
#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

using footnote::testing::DataDir;
using footnote::testing::TempDir;
using nlohmann::json;

// Loads a copy of a fixture whose config.json was changed.
StatusOr<std::shared_ptr<const LoadedModel>> LoadChanged(const std::string& name,
                                                         const std::function<void(json&)>& change) {
  const TempDir folder;
  std::filesystem::copy(DataDir() / "models" / ("arch-" + name), folder.path(),
                        std::filesystem::copy_options::recursive);
  std::ifstream in(folder / "config.json");
  json config = json::parse(in);
  in.close();
  change(config);
  std::ofstream(folder / "config.json") << config;
  ModelOptions options;
  options.precision = kernels::Precision::kExact;
  options.threads = 1;
  return LoadedModel::Load(folder.path(), options);
}

std::vector<float> LogitsChanged(const std::string& name,
                                 const std::function<void(json&)>& change) {
  const auto model = LoadChanged(name, change);
  EXPECT_OK(model);
  if (!model.ok()) return {};
  std::vector<TokenId> ids;
  for (int i = 0; i < 20; ++i) ids.push_back((i * 31 + 3) % 128);
  auto logits = (*model)->Logits(ids);
  EXPECT_OK(logits);
  return logits.ok() ? *logits : std::vector<float>();
}

// The fixture with and without the keys, which have transformers' defaults there.
void ExpectDefaults(const std::string& name, const std::vector<std::string>& keys) {
  const std::vector<float> whole = LogitsChanged(name, [](json&) {});
  for (const std::string& key : keys) {
    EXPECT_EQ(LogitsChanged(name,
                            [&](json& c) {
                              EXPECT_TRUE(c.contains(key)) << key;
                              c.erase(key);
                            }),
              whole)
        << name << " without " << key;
  }
}

TEST(LayerNormFamily, KeysThatAreLeftOutHaveTransformersDefaults) {
  ExpectDefaults("phi", {"hidden_act", "layer_norm_eps", "num_key_value_heads", "qk_layernorm",
                         "tie_word_embeddings", "partial_rotary_factor", "rope_theta"});
  ExpectDefaults("falcon-7b",
                 {"activation", "alibi", "bias", "layer_norm_epsilon", "multi_query",
                  "new_decoder_architecture", "num_kv_heads", "parallel_attn", "rope_parameters",
                  "tie_word_embeddings", "num_ln_in_parallel_attn"});
  ExpectDefaults("gpt-bigcode", {"layer_norm_epsilon", "multi_query", "scale_attn_weights",
                                 "tie_word_embeddings", "num_key_value_heads"});
  ExpectDefaults("gpt-bigcode-heads", {"activation_function", "n_inner"});
  ExpectDefaults("gpt2", {"activation_function", "layer_norm_epsilon", "scale_attn_weights",
                          "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn",
                          "tie_word_embeddings"});
}

TEST(LayerNormFamily, SizesHaveTransformersOtherNamesToo) {
  EXPECT_EQ(
      LogitsChanged("gpt2",
                    [](json& c) {
                      for (const auto& [from, to] : {std::pair("n_embd", "hidden_size"),
                                                     {"n_head", "num_attention_heads"},
                                                     {"n_layer", "num_hidden_layers"},
                                                     {"n_positions", "max_position_embeddings"}}) {
                        c[to] = c[from];
                        c.erase(from);
                      }
                    }),
      LogitsChanged("gpt2", [](json&) {}));
}

TEST(LayerNormFamily, AMultiQueryFalconHasOneKeyHeadWhateverItsConfigSays) {
  EXPECT_EQ(LogitsChanged("falcon-7b", [](json& c) { c["num_kv_heads"] = 71; }),
            LogitsChanged("falcon-7b", [](json& c) { c["num_kv_heads"] = 1; }));
}

TEST(LayerNormFamily, RefuseByNameWhatTheyDoNotDo) {
  const struct {
    const char* fixture;
    std::function<void(json&)> change;
    const char* named;
  } refusals[] = {
      {"phi", [](json& c) { c["qk_layernorm"] = true; }, "qk_layernorm"},
      {"phi", [](json& c) { c["hidden_act"] = "relu"; }, "relu"},
      {"falcon-7b", [](json& c) { c["alibi"] = true; }, "ALiBi"},
      {"falcon-7b", [](json& c) { c["num_ln_in_parallel_attn"] = 2; }, "num_ln_in_parallel_attn"},
      {"falcon-40b", [](json& c) { c["parallel_attn"] = false; }, "parallel_attn"},
      {"falcon-40b", [](json& c) { c["num_ln_in_parallel_attn"] = 3; }, "num_ln_in_parallel_attn"},
      {"falcon-7b", [](json& c) { c["partial_rotary_factor"] = 0.5; }, "partial_rotary_factor"},
      {"falcon-7b", [](json& c) { c["apply_residual_connection_post_layernorm"] = true; },
       "apply_residual_connection_post_layernorm"},
      {"gpt2", [](json& c) { c["add_cross_attention"] = true; }, "add_cross_attention"},
      {"gpt2", [](json& c) { c["activation_function"] = "quick_gelu"; }, "quick_gelu"},
      {"gpt-bigcode", [](json& c) { c["attention_bias_kind"] = "alibi"; }, "attention_bias_kind"},
  };
  for (const auto& refusal : refusals) {
    EXPECT_STATUS(LoadChanged(refusal.fixture, refusal.change), kUnimplemented, refusal.named);
  }
}

TEST(LayerNormFamily, NameWhatDisagrees) {
  EXPECT_STATUS(LoadChanged("gpt2", [](json& c) { c["n_inner"] = 41; }), kInvalidArgument,
                "h.0.mlp.c_fc.weight");
  EXPECT_STATUS(LoadChanged("gpt2", [](json& c) { c["n_positions"] = 65; }), kInvalidArgument,
                "wpe.weight");
  EXPECT_STATUS(LoadChanged("falcon-40b", [](json& c) { c["num_kv_heads"] = 4; }), kInvalidArgument,
                "4 key heads");
  EXPECT_STATUS(LoadChanged("falcon-7b", [](json& c) { c["bias"] = true; }), kNotFound,
                "query_key_value.bias");
  EXPECT_STATUS(LoadChanged("falcon-sequential", [](json& c) { c["bias"] = false; }),
                kUnimplemented, ".bias");
  EXPECT_STATUS(LoadChanged("falcon-40b", [](json& c) { c["num_ln_in_parallel_attn"] = 1; }),
                kNotFound, "input_layernorm");
  EXPECT_STATUS(LoadChanged("gpt-bigcode", [](json& c) { c["multi_query"] = false; }),
                kInvalidArgument, "c_attn.weight");
}

// phi.gguf with its three projections in one matrix, as converters of 2023 wrote them.
std::string FusedPhi(const WeightSource& source) {
  footnote::testing::GgufBuilder gguf;
  gguf.String("general.architecture", "phi2");
  for (const char* key :
       {"phi2.context_length", "phi2.embedding_length", "phi2.feed_forward_length",
        "phi2.block_count", "phi2.attention.head_count", "phi2.attention.head_count_kv",
        "phi2.rope.dimension_count", "tokenizer.ggml.eos_token_id"}) {
    gguf.Uint32(key, static_cast<uint32_t>(source.GetInt(key).value()));
  }
  gguf.Number("phi2.attention.layer_norm_epsilon", 6,
              static_cast<float>(source.GetFloat("phi2.attention.layer_norm_epsilon").value()));
  for (const char* key : {"tokenizer.ggml.model", "tokenizer.ggml.pre"}) {
    gguf.String(key, source.GetString(key).value());
  }
  for (const char* key : {"tokenizer.ggml.tokens", "tokenizer.ggml.merges"}) {
    gguf.Strings(key, source.GetStrings(key).value());
  }
  const auto bytes = [&](const std::string& name) {
    const std::span<const std::byte> data = source.Find(name)->bytes;
    return std::string(reinterpret_cast<const char*>(data.data()), data.size());
  };
  for (const StoredTensor& tensor : source.tensors()) {
    std::vector<uint64_t> dimensions(tensor.shape.rbegin(), tensor.shape.rend());
    const uint32_t type = tensor.dtype == kernels::DType::kF16 ? 1 : 0;
    std::string name = tensor.name;
    std::string data = bytes(name);
    const size_t at = name.find("attn_q.");
    if (name.find("attn_k.") != std::string::npos || name.find("attn_v.") != std::string::npos) {
      continue;
    }
    if (at != std::string::npos) {
      for (const char* other : {"attn_k.", "attn_v."}) {
        data += bytes(std::string(name).replace(at, 7, other));
      }
      name.replace(at, 7, "attn_qkv.");
      dimensions.back() *= 3;
    }
    gguf.Tensor(name, dimensions, type, data);
  }
  return gguf.Build();
}

TEST(LayerNormFamily, AGgufOfPhiMayHaveItsProjectionsInOneMatrix) {
  const std::filesystem::path path = DataDir() / "models" / "arch-phi" / "phi.gguf";
  const auto source = OpenWeights(path);
  ASSERT_OK(source);
  const TempDir folder;
  std::ofstream(folder / "fused.gguf", std::ios::binary) << FusedPhi(**source);
  const std::vector<TokenId> ids = {5, 17, 100, 3, 64, 9};
  std::vector<std::vector<float>> logits;
  for (const auto& file : {path, folder / "fused.gguf"}) {
    const auto model = LoadedModel::Load(file, ModelOptions());
    ASSERT_OK(model);
    logits.push_back((*model)->Logits(ids).value());
  }
  EXPECT_EQ(logits[0], logits[1]);
}

TEST(LayerNormFamily, LearnedPositionsEndWhereTheirTableDoes) {
  for (const char* path : {"arch-gpt2", "arch-gpt2/gpt2.gguf", "arch-gpt-bigcode"}) {
    const auto model = LoadedModel::Load(DataDir() / "models" / path, ModelOptions());
    ASSERT_OK(model);
    EXPECT_OK((*model)->Logits(std::vector<TokenId>(64, 5)));
    EXPECT_STATUS((*model)->Logits(std::vector<TokenId>(65, 5)), kInvalidArgument, "64");
  }
}

}  // namespace
}  // namespace footnote::generator
