// Configurations: both spellings are read, and whatever changes results and is not done is refused
// by name.

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <tuple>

#include "generator/arch/rope_config.h"
#include "generator/runtime/loaded_model.h"
#include "tests/testing/gguf_builder.h"
#include "tests/testing/model_goldens.h"
#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

using footnote::testing::DataDir;
using footnote::testing::TempDir;
using nlohmann::json;

// Loads a copy of a tiny model whose config.json was changed.
StatusOr<std::shared_ptr<const LoadedModel>> LoadChanged(const std::string& model,
                                                         const std::function<void(json&)>& change) {
  const TempDir folder;
  std::filesystem::copy(DataDir() / "models" / model, folder.path(),
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

std::vector<float> LogitsOf(const StatusOr<std::shared_ptr<const LoadedModel>>& model) {
  EXPECT_OK(model);
  if (!model.ok()) return {};
  std::vector<TokenId> ids;
  const int vocabulary = (*model)->info().vocabulary_size;
  for (int i = 0; i < 40; ++i) ids.push_back((i * 31 + 3) % vocabulary);
  auto logits = (*model)->Logits(ids);
  EXPECT_OK(logits);
  return logits.ok() ? *logits : std::vector<float>();
}

std::vector<float> LogitsChanged(const std::string& model,
                                 const std::function<void(json&)>& change) {
  return LogitsOf(LoadChanged(model, change));
}

void Unchanged(json&) {}

TEST(ModelConfig, BothSpellingsOfTheRotaryBaseMeanTheSame) {
  const auto base = [](double theta) {
    return LogitsChanged("tiny-llama",
                         [theta](json& c) { c["rope_parameters"]["rope_theta"] = theta; });
  };
  const auto older = LogitsChanged("tiny-llama", [](json& c) {
    c.erase("rope_parameters");
    c["rope_theta"] = 5000.0;
    c["rope_scaling"] = nullptr;
  });
  EXPECT_EQ(older, base(5000));
  EXPECT_NE(older, base(10000)) << "the base matters";
}

TEST(ModelConfig, LinearScalingDividesPositions) {
  const auto scaled = LogitsChanged("tiny-llama-untied", [](json& c) {
    c["rope_scaling"] = {{"type", "linear"}, {"factor", 2.0}};
  });
  const auto newer = LogitsChanged("tiny-llama-untied", [](json& c) {
    c.erase("rope_theta");
    c["rope_parameters"] = {{"rope_type", "linear"}, {"factor", 2.0}, {"rope_theta", 500000.0}};
  });
  EXPECT_EQ(scaled, newer);
  EXPECT_NE(scaled, LogitsChanged("tiny-llama-untied", Unchanged));
}

// As in transformers since version 5, which warns and does not tie.
TEST(ModelConfig, AHeadOfItsOwnStaysWhereTheConfigurationTiesIt) {
  EXPECT_EQ(LogitsChanged("tiny-llama-untied", [](json& c) { c["tie_word_embeddings"] = true; }),
            LogitsChanged("tiny-llama-untied", Unchanged));
}

// Two million layers' names were listed before the first was looked for.
TEST(ModelConfig, MoreLayersThanTensorsAreRefusedAtOnce) {
  for (const char* model : {"tiny-llama", "tiny-bert"}) {
    EXPECT_STATUS(LoadChanged(model, [](json& c) { c["num_hidden_layers"] = 2097152; }), kDataLoss,
                  "'num_hidden_layers' says 2097152 layers, but there are only");
  }
}

// Gigabytes of frequencies were made before the first tensor was looked for.
TEST(ModelConfig, AHeadOfBillionsIsRefusedAtOnce) {
  EXPECT_STATUS(LoadChanged("tiny-llama", [](json& c) { c["head_dim"] = 1 << 30; }),
                kInvalidArgument, "a head of 1073741824 elements; at most 65536 are read");
}

TEST(ModelConfig, FlagsThatAreOffAndBookKeepingChangeNothing) {
  EXPECT_EQ(LogitsChanged("tiny-llama",
                          [](json& c) {
                            c["some_new_feature"] = false;
                            c["another"] = nullptr;
                            c["temperature"] = 0.7;
                            c["_name_or_path"] = "x/y";
                            c["is_decoder"] = false;
                          }),
            LogitsChanged("tiny-llama", Unchanged));
}

TEST(ModelConfig, MistralsWindowIsReadFromTheConfig) {
  const auto none = [](json& c) { c["sliding_window"] = nullptr; };
  const auto wide = [](json& c) { c["sliding_window"] = 4096; };
  const auto unmentioned = [](json& c) { c.erase("sliding_window"); };
  const std::vector<float> windowed = LogitsChanged("tiny-mistral-swa", Unchanged);
  const std::vector<float> open = LogitsChanged("tiny-mistral-swa", none);
  EXPECT_NE(windowed, open);
  EXPECT_EQ(std::vector<float>(windowed.begin(), windowed.begin() + 8 * 300),
            std::vector<float>(open.begin(), open.begin() + 8 * 300))
      << "the first 8 positions see everything";
  EXPECT_EQ(open, LogitsChanged("tiny-mistral-swa", wide));
  EXPECT_EQ(open, LogitsChanged("tiny-mistral-swa", unmentioned))
      << "unmentioned means 4,096, as in transformers";
}

TEST(ModelConfig, RefusesByNameWhatItDoesNotDo) {
  const std::vector<std::pair<std::function<void(json&)>, std::string>> refusals = {
      {[](json& c) { c["hidden_act"] = "relu"; }, "hidden_act"},
      {[](json& c) { c["rope_parameters"]["rope_type"] = "proportional"; }, "proportional"},
      {[](json& c) {
         c["rope_scaling"] = json{{"type", "dynamic"}, {"factor", 2.0}};
         c.erase("rope_parameters");
       },
       "dynamic"},
      {[](json& c) { c["partial_rotary_factor"] = 0.5; }, "partial_rotary_factor"},
      {[](json& c) { c["rope_interleaved"] = true; }, "rope_interleaved"},
      {[](json& c) {
         c["quantization_config"] = json{{"bits", 4}};
       },
       "quantization_config"},
      {[](json& c) { c["logit_softcap"] = 30.0; }, "logit_softcap"},
      {[](json& c) { c["some_new_feature"] = true; }, "some_new_feature"},
      {[](json& c) { c["is_encoder_decoder"] = true; }, "is_encoder_decoder"},
      {[](json& c) { c["model_type"] = "mamba"; }, "mamba"}};
  for (const auto& [change, name] : refusals) {
    EXPECT_STATUS(LoadChanged("tiny-llama", change), kUnimplemented, name);
  }
  EXPECT_STATUS(
      LoadChanged("tiny-bert", [](json& c) { c["position_embedding_type"] = "relative_key"; }),
      kUnimplemented, "relative_key");
  EXPECT_STATUS(LoadChanged("tiny-bert", [](json& c) { c["hidden_act"] = "relu"; }), kUnimplemented,
                "relu");
  EXPECT_STATUS(LoadChanged("tiny-bert", [](json& c) { c["is_decoder"] = true; }), kUnimplemented,
                "is_decoder");
}

TEST(ModelConfig, BertsTanhGeluIsAnotherFunction) {
  const auto vectors = [](const std::string& activation) {
    auto model = LoadChanged("tiny-bert", [&](json& c) { c["hidden_act"] = activation; });
    EXPECT_OK(model);
    return std::move((*model)->Encode({{1, 2, 3, 4}, {}, {}, {0, 4}})).value();
  };
  EXPECT_EQ(vectors("gelu_new"), vectors("gelu_pytorch_tanh"));
  EXPECT_NE(vectors("gelu"), vectors("gelu_new"));
}

TEST(ModelConfig, RefusesByNameWhatAFamilyDoesNotDo) {
  const std::vector<std::tuple<std::string, std::function<void(json&)>, std::string>> refusals = {
      {"arch-llama3",
       [](json& c) {
         c["rope_parameters"] = json{{"full_attention", json{{"rope_type", "default"}}}};
       },
       "full_attention"},
      {"arch-llama3", [](json& c) { c["layer_types"] = json::array({"full_attention"}); },
       "layer_types"},
      {"arch-qwen2",
       [](json& c) {
         c["layer_types"] = json::array({"full_attention", "linear_attention", "full_attention"});
       },
       "linear_attention"},
      {"arch-gemma2", [](json& c) { c["use_bidirectional_attention"] = true; },
       "use_bidirectional_attention"},
      {"arch-gemma3-images", [](json& c) { c["text_config"]["new_feature"] = 2; }, "new_feature"}};
  for (const auto& [model, change, name] : refusals) {
    EXPECT_STATUS(LoadChanged(model, change), kUnimplemented, name);
  }
}

TEST(ModelConfig, NamesSettingsOfWindowsAndRotationsThatDisagree) {
  EXPECT_STATUS(LoadChanged("arch-qwen2",
                            [](json& c) { c["layer_types"] = json::array({"full_attention"}); }),
                kInvalidArgument, "1 entries for 3 layers");
  EXPECT_STATUS(LoadChanged("arch-qwen2", [](json& c) { c["use_sliding_window"] = false; }),
                kInvalidArgument, "switches windows off");
  EXPECT_STATUS(LoadChanged("arch-phi3",
                            [](json& c) { c["rope_parameters"]["short_factor"].push_back(1.0); }),
                kInvalidArgument, "short_factor");
  EXPECT_STATUS(
      LoadChanged("arch-phi3", [](json& c) { c["rope_parameters"]["long_factor"][1] = 0.0; }),
      kInvalidArgument, "not above 0");
  EXPECT_STATUS(LoadChanged("arch-phi3",
                            [](json& c) { c["rope_parameters"]["partial_rotary_factor"] = 1.5; }),
                kInvalidArgument, "partial_rotary_factor");
  EXPECT_STATUS(
      LoadChanged("arch-gemma3",
                  [](json& c) { c["rope_parameters"]["full_attention"].erase("factor"); }),
      kNotFound, "rope_parameters.full_attention.factor");
}

// The file with one more metadata pair, and a second that keeps the tensors aligned.
std::string WithPair(const std::string& file, const std::string& pair) {
  using footnote::testing::GgufBuilder;
  std::string filler;
  GgufBuilder::AppendString("general.comment", filler);
  GgufBuilder::Append<uint32_t>(8, filler);
  const size_t length = 31 - (pair.size() + filler.size() + 7) % 32;
  GgufBuilder::AppendString(std::string(length, '.'), filler);
  EXPECT_EQ((pair.size() + filler.size()) % 32, 0u);
  constexpr size_t kPairCount = 16;  // behind magic, version and the count of tensors
  constexpr size_t kFirstPair = 24;
  uint64_t pairs = 0;
  std::memcpy(&pairs, file.data() + kPairCount, sizeof pairs);
  std::string out = file.substr(0, kPairCount);
  GgufBuilder::Append<uint64_t>(pairs + 2, out);
  return out + pair + filler + file.substr(kFirstPair);
}

TEST(ModelConfig, AGgufsPatternOfWindowsIsANumberOrAList) {
  using footnote::testing::GgufBuilder;
  const TempDir folder;
  std::ifstream in(DataDir() / "models" / "arch-gemma3" / "gemma3.gguf", std::ios::binary);
  const std::string file(std::istreambuf_iterator<char>(in), {});
  ASSERT_FALSE(file.empty());
  const auto logits = [&](uint32_t type, const std::string& payload) {
    std::string pair;
    GgufBuilder::AppendString("gemma3.attention.sliding_window_pattern", pair);
    GgufBuilder::Append(type, pair);
    std::ofstream(folder / "changed.gguf", std::ios::binary) << WithPair(file, pair + payload);
    ModelOptions options;
    options.precision = kernels::Precision::kExact;
    options.threads = 1;
    return LogitsOf(LoadedModel::Load(folder / "changed.gguf", options));
  };
  const auto number = [](uint32_t value) {
    std::string payload;
    GgufBuilder::Append(value, payload);
    return payload;
  };
  const std::vector<uint8_t> sliding = {1, 1, 0, 1, 1, 0, 1};
  std::string list;
  GgufBuilder::Append<uint32_t>(7, list);  // of bool
  GgufBuilder::Append<uint64_t>(sliding.size(), list);
  list.append(sliding.begin(), sliding.end());
  const std::vector<float> every_third = logits(4, number(3));
  EXPECT_EQ(every_third, logits(9, list));
  EXPECT_NE(every_third, logits(4, number(6)));
  // What Hugging Face's golden of that variant is compared with.
  const std::vector<float> folders = LogitsChanged("arch-gemma3", [](json& c) {
    c["layer_types"] = nullptr;
    c["sliding_window_pattern"] = 3;
  });
  EXPECT_LE(footnote::testing::RelativeError(every_third, folders), 1e-5);
}

TEST(ModelConfig, NamesShapesThatDisagree) {
  EXPECT_STATUS(LoadChanged("tiny-llama", [](json& c) { c["intermediate_size"] = 97; }),
                kInvalidArgument, "mlp.gate_proj.weight");
  EXPECT_STATUS(LoadChanged("tiny-llama", [](json& c) { c["vocab_size"] = 301; }), kInvalidArgument,
                "[301, 64]");
  EXPECT_STATUS(LoadChanged("tiny-llama", [](json& c) { c["num_key_value_heads"] = 3; }),
                kInvalidArgument, "3 key heads");
  EXPECT_STATUS(LoadChanged("tiny-llama", [](json& c) { c["num_hidden_layers"] = 3; }), kNotFound,
                "model.layers.2.");
  EXPECT_STATUS(LoadChanged("tiny-llama", [](json& c) { c["hidden_size"] = 0; }), kInvalidArgument,
                "hidden_size");
  EXPECT_STATUS(LoadChanged("tiny-llama", [](json& c) { c.erase("hidden_size"); }), kNotFound,
                "hidden_size");
}

TEST(ModelConfig, NamesTensorsThatNothingUses) {
  // One layer fewer leaves the second layer's tensors over.
  EXPECT_STATUS(LoadChanged("tiny-llama", [](json& c) { c["num_hidden_layers"] = 1; }),
                kUnimplemented, "model.layers.1.");
}

TEST(ModelConfig, BiasesAreWantedWhereTheConfigSaysSo) {
  EXPECT_STATUS(LoadChanged("tiny-llama", [](json& c) { c["attention_bias"] = true; }), kNotFound,
                "q_proj.bias");
  EXPECT_STATUS(LoadChanged("tiny-llama", [](json& c) { c["mlp_bias"] = true; }), kNotFound,
                "gate_proj.bias");
}

// transformers 5.23, modeling_rope_utils, for Llama 3.2 (theta 500000, 64 elements, factor 32, low
// 1, high 4, 8,192 original positions); float32, hence the tolerance.
TEST(RopeScaling, Llama3FrequenciesAreThoseOfTransformers) {
  const double expected[] = {1.0,
                             0.663601279258728,
                             0.44036662578582764,
                             0.2922278344631195,
                             0.193922758102417,
                             0.12868738174438477,
                             0.08539710193872452,
                             0.05666961893439293,
                             0.03760603070259094,
                             0.02495540864765644,
                             0.016560440883040428,
                             0.010989529080688953,
                             0.00729266507551074,
                             0.00483942124992609,
                             0.0032114461064338684,
                             0.0012905480107292533,
                             0.000429556705057621,
                             9.708286233944818e-05,
                             1.9461638657958247e-05,
                             1.291476746700937e-05,
                             8.570255886297673e-06,
                             5.687232260243036e-06,
                             3.7740544485131977e-06,
                             2.504467147446121e-06,
                             1.6619674170215148e-06,
                             1.1028836297555245e-06,
                             7.318749339901842e-07,
                             4.856731266045244e-07,
                             3.2229328894572973e-07,
                             2.1387423032592778e-07,
                             1.4192720243499934e-07,
                             9.418306490260875e-08};
  std::vector<double> frequencies = PlainInverseFrequencies(500000, 64);
  ApplyLlama3Scaling({32, 1, 4, 8192}, frequencies);
  ASSERT_EQ(frequencies.size(), std::size(expected));
  for (size_t i = 0; i < frequencies.size(); ++i) {
    EXPECT_NEAR(frequencies[i] / expected[i], 1, 2e-6) << i;
  }
}

}  // namespace
}  // namespace footnote::generator
