// Encoders with random weights, one of each kind, against Hugging Face in float32: vectors and
// heads, padded and not, texts and pairs of texts. Made by tools/goldens/tiny_encoders.py.

#include <gtest/gtest.h>

#include <fstream>

#include "generator/engine.h"
#include "generator/runtime/cross_encoder.h"
#include "generator/runtime/loaded_model.h"
#include "tests/testing/model_goldens.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::generator {
namespace {

using footnote::testing::Base64Floats;
using footnote::testing::Cosine;
using footnote::testing::DataDir;
using footnote::testing::GoldenLines;
using footnote::testing::RelativeError;
using footnote::testing::TempDir;
using nlohmann::json;

constexpr double kTolerance = 1.5e-5;

StatusOr<std::shared_ptr<const LoadedModel>> LoadFrom(
    const std::filesystem::path& path, kernels::Precision precision = kernels::Precision::kExact) {
  ModelOptions options;
  options.precision = precision;
  options.threads = 2;
  return LoadedModel::Load(path, options);
}

json GoldenOf(const std::string& name) {
  for (const json& line : GoldenLines("tiny_encoders.jsonl")) {
    if (line["model"] == name) return line;
  }
  ADD_FAILURE() << "no golden of " << name;
  return {};
}

class TinyEncoder : public ::testing::TestWithParam<const char*> {
 protected:
  TinyEncoder() : golden_(GoldenOf(GetParam())) {}

  StatusOr<std::shared_ptr<const LoadedModel>> Load(
      kernels::Precision precision = kernels::Precision::kExact) {
    return LoadFrom(DataDir() / "models" / GetParam(), precision);
  }

  // The first `rows` of the golden's padded batch without what is masked.
  EncoderBatch Packed(const LoadedModel& model, size_t rows) const {
    EncoderBatch batch;
    batch.offsets.push_back(0);
    for (size_t row = 0; row < rows; ++row) {
      const auto ids = golden_["ids"][row].get<std::vector<TokenId>>();
      const std::vector<int32_t> positions = model.Positions(ids);
      for (size_t i = 0; i < ids.size(); ++i) {
        if (golden_["mask"][row][i] == 0) continue;
        batch.ids.push_back(ids[i]);
        batch.types.push_back(golden_["types"][row][i]);
        batch.positions.push_back(positions[i]);
        batch.places.push_back(static_cast<int32_t>(i));
      }
      batch.offsets.push_back(static_cast<int64_t>(batch.ids.size()));
    }
    return batch;
  }
  EncoderBatch Packed(const LoadedModel& model) const {
    return Packed(model, golden_["ids"].size());
  }

  // What the head gives for the golden's tokens that are not masked.
  std::vector<float> Scores() const {
    const std::vector<float> all = Base64Floats(golden_["scores"]);
    const json& shape = golden_["scores"]["shape"];
    if (shape.size() == 2) return all;
    const size_t rows = shape[0], tokens = shape[1], labels = shape[2];
    std::vector<float> seen;
    for (size_t t = 0; t < rows * tokens; ++t) {
      if (golden_["mask"][t / tokens][t % tokens] == 0) continue;
      const auto at = all.begin() + static_cast<ptrdiff_t>(t * labels);
      seen.insert(seen.end(), at, at + static_cast<ptrdiff_t>(labels));
    }
    return seen;
  }

  json golden_;
};

TEST_P(TinyEncoder, PackedSequencesGiveThePaddedVectors) {
  const std::vector<float> want = Base64Floats(golden_["vectors"]);
  for (const auto precision : {kernels::Precision::kExact, kernels::Precision::kFast}) {
    ASSERT_OK_AND_ASSIGN(const auto model, Load(precision));
    EXPECT_EQ(model->info().vector_width, golden_["vectors"]["shape"][1]);
    ASSERT_OK_AND_ASSIGN(const std::vector<float> vectors, model->Encode(Packed(*model)));
    // Weights in bfloat16 have activations in it, too, where speed counts.
    const bool rounds =
        precision == kernels::Precision::kFast && model->info().tensors_by_format.contains("BF16");
    EXPECT_LE(RelativeError(vectors, want), rounds ? 2e-2 : kTolerance);
  }
}

TEST_P(TinyEncoder, AVectorDoesNotDependOnItsCompany) {
  ASSERT_OK_AND_ASSIGN(const auto model, Load(kernels::Precision::kFast));
  const EncoderBatch all = Packed(*model);
  ASSERT_OK_AND_ASSIGN(const std::vector<float> vectors, model->Encode(all));
  const auto width = static_cast<size_t>(model->info().vector_width);
  for (size_t row = 0; row + 1 < all.offsets.size(); ++row) {
    const auto begin = static_cast<size_t>(all.offsets[row]);
    const auto count = static_cast<size_t>(all.offsets[row + 1]) - begin;
    const auto part = [&](const auto& from) {
      return std::decay_t<decltype(from)>(from.begin() + static_cast<ptrdiff_t>(begin),
                                          from.begin() + static_cast<ptrdiff_t>(begin + count));
    };
    ASSERT_OK_AND_ASSIGN(const std::vector<float> alone,
                         model->Encode({part(all.ids),
                                        part(all.types),
                                        part(all.positions),
                                        {0, static_cast<int64_t>(count)},
                                        {},
                                        part(all.places)}));
    const auto at = vectors.begin() + static_cast<ptrdiff_t>(row * width);
    EXPECT_EQ(std::vector<float>(at, at + static_cast<ptrdiff_t>(width)), alone) << row;
  }
}

// Plain weights rounded to 8 or 16 bits, activations too.
TEST_P(TinyEncoder, RoundedPrecisionsStayNearExact) {
  const std::vector<float> want = Base64Floats(golden_["vectors"]);
  for (const auto& [precision, least] :
       {std::pair(kernels::Precision::kBf16, 0.999), std::pair(kernels::Precision::kInt8, 0.99)}) {
    ASSERT_OK_AND_ASSIGN(const auto model, Load(precision));
    ASSERT_OK_AND_ASSIGN(const std::vector<float> vectors, model->Encode(Packed(*model)));
    EXPECT_GE(Cosine(vectors, want), least);
    EXPECT_GE(RelativeError(vectors, want), 1e-5) << "nothing was rounded";
  }
}

TEST_P(TinyEncoder, TheHeadGivesHuggingFacesNumbers) {
  ASSERT_OK_AND_ASSIGN(const auto model, Load());
  if (!golden_.contains("scores")) {
    EXPECT_TRUE(model->info().labels.empty());
    return;
  }
  const json& shape = golden_["scores"]["shape"];
  EXPECT_EQ(model->info().labels.size(), shape.back());
  EXPECT_EQ(model->info().labels_tokens, shape.size() == 3);
  ASSERT_OK_AND_ASSIGN(const std::vector<float> scores, model->Classify(Packed(*model, shape[0])));
  EXPECT_LE(RelativeError(scores, Scores()), kTolerance);
}

INSTANTIATE_TEST_SUITE_P(Each, TinyEncoder,
                         ::testing::Values("tiny-roberta", "tiny-xlmr-reranker", "tiny-distilbert",
                                           "tiny-electra", "tiny-mpnet", "tiny-deberta-v3",
                                           "tiny-deberta-v2", "tiny-modernbert",
                                           "tiny-modernbert-biases", "tiny-nomic",
                                           "tiny-bert-tokens"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(TinyRoberta, TextsAreTokenisedCutPooledAndMultiplied) {
  const json golden = GoldenOf("tiny-roberta");
  ASSERT_OK_AND_ASSIGN(const auto model, LoadFrom(DataDir() / "models" / "tiny-roberta"));
  ASSERT_OK_AND_ASSIGN(const auto embedder, MakeEmbedder(model, ""));
  EXPECT_EQ(embedder->max_tokens(), 62);
  EXPECT_EQ(embedder->width(), 20);
  const auto texts = golden["texts"].get<std::vector<std::string>>();
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  ASSERT_OK_AND_ASSIGN(const Embeddings vectors,
                       embedder->Embed(views, TextRole::kPassage, CallContext()));
  EXPECT_LE(RelativeError(vectors.values, Base64Floats(golden["text_vectors"])), kTolerance);
}

// Padding counts as no position, wherever it is.
TEST(TinyRoberta, CountsPositionsBehindThePaddingToken) {
  ASSERT_OK_AND_ASSIGN(const auto model, LoadFrom(DataDir() / "models" / "tiny-roberta"));
  EXPECT_EQ(model->Positions(std::vector<TokenId>{1, 1, 0, 9, 1, 2}),
            (std::vector<int32_t>{1, 1, 2, 3, 1, 4}));
  EXPECT_STATUS(model->Encode({std::vector<TokenId>(63, 9), {}, {}, {0, 63}}), kInvalidArgument,
                "62 positions");
}

// "<s> query </s></s> text </s>", cut as Hugging Face does ("only_second").
TEST(TinyXlmrReranker, PairsAreJoinedAsTheTokenizerDoes) {
  const json golden = GoldenOf("tiny-xlmr-reranker");
  ASSERT_OK_AND_ASSIGN(const auto model, LoadFrom(DataDir() / "models" / "tiny-xlmr-reranker"));
  ASSERT_OK_AND_ASSIGN(const auto reranker, MakeCrossEncoder(model, ""));
  const auto texts = golden["passages"].get<std::vector<std::string>>();
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  ASSERT_OK_AND_ASSIGN(const std::vector<float> scores,
                       reranker->Score(golden["query"].get<std::string>(), views, CallContext()));
  for (size_t i = 0; i < scores.size(); ++i) {
    EXPECT_NEAR(scores[i], 1 / (1 + std::exp(-golden["pair_logits"][i].get<double>())), 1e-5)
        << texts[i];
  }
}

// What a sentence-transformers folder may hold beside the model.
class TinyRobertaFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::copy(DataDir() / "models" / "tiny-roberta", folder_.path(),
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
  }
  void Write(const std::string& name, const json& value) {
    std::ofstream(folder_ / name, std::ios::binary) << value;
  }
  json Read(const std::string& name) {
    json value;
    std::ifstream(folder_ / name) >> value;
    return value;
  }
  StatusOr<std::shared_ptr<const LoadedModel>> Load() { return LoadFrom(folder_.path()); }

  TempDir folder_;
};

TEST_F(TinyRobertaFolder, TheTokenizersLimitHoldsWhereNoOtherIsNamed) {
  Write("tokenizer_config.json", {{"model_max_length", 40}});
  ASSERT_OK_AND_ASSIGN(auto model, Load());
  EXPECT_EQ(model->encoder()->max_tokens(), 40);
  Write("tokenizer_config.json", {{"model_max_length", 1e30}});
  ASSERT_OK_AND_ASSIGN(model, Load());
  EXPECT_EQ(model->encoder()->max_tokens(), 62);
  Write("sentence_bert_config.json", {{"max_seq_length", 50}});
  ASSERT_OK_AND_ASSIGN(model, Load());
  EXPECT_EQ(model->encoder()->max_tokens(), 50);
}

TEST_F(TinyRobertaFolder, ThePromptNamedAsDefaultStandsInForMissingOnes) {
  const std::string file = "config_sentence_transformers.json";
  Write(file, {{"prompts", {{"query", "q: "}, {"passage", "p: "}, {"other", "o: "}}},
               {"default_prompt_name", nullptr}});
  ASSERT_OK_AND_ASSIGN(auto model, Load());
  EXPECT_EQ(model->encoder()->query_prefix(), "q: ");
  EXPECT_EQ(model->encoder()->passage_prefix(), "p: ");
  Write(file,
        {{"prompts", {{"query", "q: "}, {"other", "o: "}}}, {"default_prompt_name", "other"}});
  ASSERT_OK_AND_ASSIGN(model, Load());
  EXPECT_EQ(model->encoder()->query_prefix(), "q: ");
  EXPECT_EQ(model->encoder()->passage_prefix(), "o: ");
  json pooling = Read("1_Pooling/config.json");
  pooling["include_prompt"] = false;
  Write("1_Pooling/config.json", pooling);
  EXPECT_STATUS(Load(), kUnimplemented, "include_prompt");
}

TEST_F(TinyRobertaFolder, ADenseModuleMustFit) {
  const std::string file = "2_Dense/config.json";
  const json dense = Read(file);
  const auto with = [&](const char* key, const json& value) {
    json changed = dense;
    changed[key] = value;
    Write(file, changed);
    return Load().status();
  };
  EXPECT_STATUS(with("in_features", 47), kInvalidArgument, "shape");
  EXPECT_STATUS(with("activation_function", "torch.nn.modules.activation.Mish"), kUnimplemented,
                "Mish");
  EXPECT_STATUS(with("use_residual", true), kUnimplemented, "use_residual");
  EXPECT_STATUS(with("module_input_name", "token_embeddings"), kUnimplemented, "token_embeddings");
  EXPECT_OK(with("activation_function", nullptr));
  std::filesystem::remove(folder_ / "2_Dense" / "model.safetensors");
  EXPECT_STATUS(with("bias", true), kUnimplemented, "pickles");
}

// A configuration that asks for what is not done, or does not fit, is refused by name.
TEST(TinyEncoders, WhatIsNotDoneIsRefusedByName) {
  const auto changed = [](const char* name, const char* key, const json& value) {
    TempDir folder;
    std::filesystem::copy(DataDir() / "models" / name, folder.path(),
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
    json config;
    std::ifstream(folder / "config.json") >> config;
    config[key] = value;
    std::ofstream(folder / "config.json") << config;
    return LoadFrom(folder.path()).status();
  };
  EXPECT_STATUS(changed("tiny-deberta-v3", "conv_kernel_size", 3), kUnimplemented, "convolution");
  EXPECT_STATUS(changed("tiny-deberta-v3", "pos_att_type", "c2p|p2p"), kUnimplemented, "p2p");
  EXPECT_STATUS(changed("tiny-deberta-v3", "norm_rel_ebd", "batch_norm"), kUnimplemented,
                "batch_norm");
  EXPECT_STATUS(changed("tiny-deberta-v3", "position_buckets", 9), kInvalidArgument,
                "rel_embeddings");
  EXPECT_STATUS(changed("tiny-roberta", "pad_token_id", 63), kInvalidArgument, "pad_token_id");
  EXPECT_STATUS(changed("tiny-roberta", "position_embedding_type", "relative_key"), kUnimplemented,
                "relative_key");
  EXPECT_STATUS(changed("tiny-roberta", "is_decoder", true), kUnimplemented, "is_decoder");
  EXPECT_STATUS(changed("tiny-mpnet", "relative_attention_num_buckets", 64), kUnimplemented,
                "relative_attention_num_buckets");
  EXPECT_STATUS(changed("tiny-modernbert", "layer_types", {"full_attention"}), kInvalidArgument,
                "layer_types");
  EXPECT_STATUS(changed("tiny-modernbert", "hidden_activation", "relu"), kUnimplemented, "relu");
  EXPECT_STATUS(changed("tiny-modernbert", "num_attention_heads", 4), kInvalidArgument, "pairs");
  EXPECT_STATUS(changed("tiny-nomic", "rope_parameters", {{"rope_type", "yarn"}}), kUnimplemented,
                "yarn");
  EXPECT_STATUS(changed("tiny-distilbert", "activation", "relu"), kUnimplemented, "relu");
}

// Attention that looks at no distances leaves the norm of their embeddings unused.
TEST(TinyEncoders, ANormOfDistancesMayStandThereForNothing) {
  TempDir folder;
  std::filesystem::copy(
      DataDir() / "models" / "tiny-deberta-v3", folder.path(),
      std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  json config;
  std::ifstream(folder / "config.json") >> config;
  config["relative_attention"] = false;
  std::ofstream(folder / "config.json") << config;
  // What is left over then is the table of distances.
  EXPECT_STATUS(LoadFrom(folder.path()), kUnimplemented, "rel_embeddings");
}

TEST(TinyEncoders, AHeadForTokensRanksNoTexts) {
  ASSERT_OK_AND_ASSIGN(const auto model, LoadFrom(DataDir() / "models" / "tiny-bert-tokens"));
  EXPECT_STATUS(MakeCrossEncoder(model, ""), kInvalidArgument, "tokens");
}

}  // namespace
}  // namespace footnote::generator
