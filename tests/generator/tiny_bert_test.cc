// A BERT encoder with random weights against Hugging Face in float32: packed sequences, pooling,
// truncation; and the same weights as a GGUF.

#include <gtest/gtest.h>

#include <fstream>
#include <future>

#include "generator/engine.h"
#include "generator/runtime/loaded_model.h"
#include "generator/weights/weight_source.h"
#include "tests/testing/gguf_builder.h"
#include "tests/testing/model_goldens.h"
#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

using footnote::testing::Base64Floats;
using footnote::testing::DataDir;
using footnote::testing::GoldenFloats;
using footnote::testing::GoldenLines;
using footnote::testing::RelativeError;
using footnote::testing::TempDir;
using nlohmann::json;

constexpr double kTolerance = 1.5e-5;

std::shared_ptr<const LoadedModel> LoadTiny(
    kernels::Precision precision = kernels::Precision::kExact,
    std::filesystem::path path = DataDir() / "models" / "tiny-bert") {
  ModelOptions options;
  options.precision = precision;
  options.threads = 2;
  const auto model = LoadedModel::Load(path, options);
  EXPECT_OK(model);
  return model.ok() ? *model : nullptr;
}

// The golden's padded batch without its padding.
EncoderBatch PackedGolden(const json& golden) {
  EncoderBatch batch;
  batch.offsets.push_back(0);
  for (size_t row = 0; row < golden["ids"].size(); ++row) {
    for (size_t i = 0; i < golden["ids"][row].size(); ++i) {
      if (golden["mask"][row][i] == 0) continue;
      batch.ids.push_back(golden["ids"][row][i]);
      batch.types.push_back(golden["types"][row][i]);
    }
    batch.offsets.push_back(static_cast<int64_t>(batch.ids.size()));
  }
  return batch;
}

TEST(TinyBert, PackedSequencesGiveThePaddedVectors) {
  const json golden = GoldenLines("tiny_bert.jsonl").at(0);
  const auto model = LoadTiny();
  ASSERT_NE(model, nullptr);
  const auto vectors = model->Encode(PackedGolden(golden));
  ASSERT_OK(vectors);
  EXPECT_LE(RelativeError(*vectors, Base64Floats(golden["pooled"])), kTolerance);
}

// Weights and activations have an error of 2^-9 or less each; 0.008 is what comes out.
TEST(TinyBert, BfloatsStayNearExact) {
  const json golden = GoldenLines("tiny_bert.jsonl").at(0);
  const std::vector<float> want = Base64Floats(golden["pooled"]);
  const auto model = LoadTiny(kernels::Precision::kBf16);
  ASSERT_NE(model, nullptr);
  const auto vectors = model->Encode(PackedGolden(golden));
  ASSERT_OK(vectors);
  EXPECT_LE(RelativeError(*vectors, want), 1e-2);
  EXPECT_GE(RelativeError(*vectors, want), 1e-4) << "nothing was rounded";
  EXPECT_GE(footnote::testing::Cosine(*vectors, want), 0.9999);
}

TEST(TinyBert, TextsAreTokenisedTruncatedAndPooled) {
  const json golden = GoldenLines("tiny_bert.jsonl").at(1);
  ASSERT_OK_AND_ASSIGN(const auto embedder, MakeEmbedder(LoadTiny(), "abc"));
  EXPECT_EQ(embedder->max_tokens(), 48);
  EXPECT_EQ(embedder->width(), 64);
  EXPECT_EQ(embedder->model_sha256(), "abc");
  const auto texts = golden["texts"].get<std::vector<std::string>>();
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto result = embedder->Embed(views, TextRole::kPassage, CallContext());
  ASSERT_OK(result);
  EXPECT_LE(RelativeError(result->values, Base64Floats(golden["vectors"])), kTolerance);
  bool any_truncated = false;
  for (size_t i = 0; i < texts.size(); ++i) {
    const bool truncated = embedder->CountTokens(texts[i]) + 2 > 48;
    EXPECT_EQ(result->truncated[i], truncated) << texts[i];
    any_truncated = any_truncated || truncated;
  }
  EXPECT_TRUE(any_truncated) << "the golden holds a text that is too long";
}

// Hugging Face's hidden states of the first row, averaged here.
TEST(TinyBert, APartIsTheMeanOfItsTokensStates) {
  const json golden = GoldenLines("tiny_bert.jsonl").at(0);
  const auto model = LoadTiny();
  ASSERT_NE(model, nullptr);
  const std::vector<float> hidden = GoldenFloats("tiny-bert.hidden.f32");
  EncoderBatch batch = PackedGolden(golden);
  const auto sequences = batch.offsets.size() - 1;
  batch.parts = {{1, 4}, {4, 5}, {9, batch.offsets[1]}};
  const auto vectors = model->Encode(batch);
  ASSERT_OK(vectors);
  ASSERT_EQ(vectors->size(), (sequences + batch.parts.size()) * 64);
  std::vector<float> wanted;
  for (const EncoderBatch::Part& part : batch.parts) {
    std::vector<double> mean(64);
    double length = 0;
    for (int64_t t = part.begin; t < part.end; ++t) {
      for (size_t d = 0; d < 64; ++d) mean[d] += hidden[static_cast<size_t>(t) * 64 + d];
    }
    for (const double value : mean) length += value * value;
    for (const double value : mean) wanted.push_back(static_cast<float>(value / std::sqrt(length)));
  }
  const std::vector<float> parts(vectors->end() - static_cast<ptrdiff_t>(wanted.size()),
                                 vectors->end());
  EXPECT_LE(RelativeError(parts, wanted), kTolerance);
  // The sequences' own vectors do not change.
  const std::vector<float> own(vectors->begin(),
                               vectors->begin() + static_cast<ptrdiff_t>(sequences * 64));
  EXPECT_LE(RelativeError(own, Base64Floats(golden["pooled"])), kTolerance);
}

TEST(TinyBert, PartsThatAreNoneAreErrors) {
  const auto model = LoadTiny();
  EncoderBatch batch = PackedGolden(GoldenLines("tiny_bert.jsonl").at(0));
  const int64_t first = batch.offsets[1];
  for (const std::vector<EncoderBatch::Part>& parts : std::vector<std::vector<EncoderBatch::Part>>{
           {{3, 3}}, {{5, 8}, {2, 4}}, {{first - 1, first + 1}}, {{-1, 2}}, {{0, 100000}}}) {
    batch.parts = parts;
    EXPECT_STATUS(model->Encode(batch), kInvalidArgument, "parts");
  }
}

TEST(TinyBert, PartsOfATextAreItsSentencesInTheirContext) {
  ASSERT_OK_AND_ASSIGN(const auto embedder, MakeEmbedder(LoadTiny(), ""));
  const std::string text = "the cat sat here. a dog ran there.";
  std::string cut = "one two. ";
  for (int i = 0; i < 60; ++i) cut += "word ";
  const uint64_t cut_end = cut.size();
  cut += "last.";
  const std::vector<PartedText> texts = {{text, {{0, 17}, {18, 34}}},
                                         {"alone", {}},
                                         {cut, {{0, 8}, {9, cut_end}, {cut_end, cut.size()}}}};
  const auto result = embedder->EmbedParts(texts, TextRole::kPassage, CallContext());
  ASSERT_OK(result);
  std::vector<std::string_view> views;
  for (const PartedText& each : texts) views.push_back(each.text);
  EXPECT_EQ(result->texts.values,
            embedder->Embed(views, TextRole::kPassage, CallContext())->values);
  EXPECT_EQ(result->parts.truncated, (std::vector<bool>{false, false, false, true, true}));
  const auto length = [&](size_t row) {
    double sum = 0;
    for (const float value : result->parts.row(row)) sum += static_cast<double>(value) * value;
    return sum;
  };
  for (size_t row = 0; row < 4; ++row) EXPECT_NEAR(length(row), 1, 1e-5);
  EXPECT_EQ(length(4), 0);  // the model saw nothing of it
  // Both sentences' tokens, in proportion, and the two special ones make the text.
  EXPECT_NE(std::vector<float>(result->parts.row(0).begin(), result->parts.row(0).end()),
            std::vector<float>(result->parts.row(1).begin(), result->parts.row(1).end()));
}

TEST(TinyBert, AVectorDoesNotDependOnItsCompany) {
  const json golden = GoldenLines("tiny_bert.jsonl").at(1);
  for (const auto precision :
       {kernels::Precision::kFast, kernels::Precision::kExact, kernels::Precision::kBf16}) {
    ASSERT_OK_AND_ASSIGN(const auto embedder, MakeEmbedder(LoadTiny(precision), ""));
    std::vector<std::string> texts;
    for (int copy = 0; copy < 20; ++copy) {
      for (const json& text : golden["texts"]) texts.push_back(text);
    }
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    const auto all = embedder->Embed(views, TextRole::kQuery, CallContext());
    ASSERT_OK(all);
    for (size_t i = 0; i < golden["texts"].size(); ++i) {
      const auto one = embedder->Embed({&views[i], 1}, TextRole::kQuery, CallContext());
      ASSERT_OK(one);
      for (size_t copy = 0; copy < 20; ++copy) {
        const auto row = all->row(copy * golden["texts"].size() + i);
        EXPECT_EQ(std::vector<float>(row.begin(), row.end()), one->values);
      }
    }
  }
}

TEST(TinyBert, ConcurrentCallsGiveTheSame) {
  const json golden = GoldenLines("tiny_bert.jsonl").at(1);
  ASSERT_OK_AND_ASSIGN(const auto embedder, MakeEmbedder(LoadTiny(), ""));
  const auto texts = golden["texts"].get<std::vector<std::string>>();
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const auto run = [&] {
    return std::move(embedder->Embed(views, TextRole::kPassage, CallContext())).value().values;
  };
  const std::vector<float> alone = run();
  std::vector<std::future<std::vector<float>>> calls;
  for (int i = 0; i < 6; ++i) calls.push_back(std::async(std::launch::async, run));
  for (auto& call : calls) EXPECT_EQ(call.get(), alone);
}

TEST(TinyBert, NothingAndACancelledCall) {
  ASSERT_OK_AND_ASSIGN(const auto embedder, MakeEmbedder(LoadTiny(), ""));
  const auto nothing = embedder->Embed({}, TextRole::kPassage, CallContext());
  ASSERT_OK(nothing);
  EXPECT_TRUE(nothing->values.empty());
  std::stop_source stop;
  stop.request_stop();
  const std::string_view text = "text";
  EXPECT_STATUS(embedder->Embed({&text, 1}, TextRole::kPassage, CallContext(stop.get_token())),
                kCancelled, "cancelled");
}

TEST(TinyBert, SaysWhatIsWrongWithABatch) {
  const auto model = LoadTiny();
  ASSERT_NE(model, nullptr);
  EXPECT_STATUS(model->Encode({{300}, {}, {}, {0, 1}}), kInvalidArgument, "token id 300");
  EXPECT_STATUS(model->Encode({{1}, {2}, {}, {0, 1}}), kInvalidArgument, "token type 2");
  EXPECT_STATUS(model->Encode({{1}, {}, {64}, {0, 1}}), kInvalidArgument, "position 64");
  EXPECT_STATUS(model->Encode({{1}, {}, {}, {0, 0, 1}}), kInvalidArgument, "empty");
  EXPECT_STATUS(model->Encode({{1}, {}, {}, {0, 2}}), kInvalidArgument, "disagree");
  EXPECT_STATUS(model->Encode({{}, {}, {}, {0}}), kInvalidArgument, "disagree");
  EXPECT_STATUS(model->Encode({std::vector<TokenId>(65, 1), {}, {}, {0, 65}}), kInvalidArgument,
                "64 positions");
  EXPECT_STATUS(model->Logits(std::vector<TokenId>{1}), kInvalidArgument, "encoder");
  EXPECT_STATUS(MakeTextGenerator(model, {}), kInvalidArgument, "encoder");
}

// A copy of the folder in which a file can be changed.
class TinyBertFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::copy(DataDir() / "models" / "tiny-bert", folder_.path(),
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
  }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  StatusOr<std::shared_ptr<const LoadedModel>> Load() {
    ModelOptions options;
    options.precision = kernels::Precision::kExact;
    return LoadedModel::Load(folder_.path(), options);
  }

  TempDir folder_;
};

TEST_F(TinyBertFolder, PoolsTheFirstTokenWithoutNormalisingWhenItSaysSo) {
  Write("1_Pooling/config.json", R"({"word_embedding_dimension": 64, "pooling_mode": "cls"})");
  Write("modules.json", R"([{"type": "sentence_transformers.models.Transformer", "path": ""},
                            {"type": "sentence_transformers.models.Pooling",
                             "path": "1_Pooling"}])");
  ASSERT_OK_AND_ASSIGN(const auto model, Load());
  const json golden = GoldenLines("tiny_bert.jsonl").at(0);
  const auto vectors = model->Encode(PackedGolden(golden));
  ASSERT_OK(vectors);
  // The first token's hidden state of the first sequence.
  const std::vector<float> hidden = footnote::testing::GoldenFloats("tiny-bert.hidden.f32");
  EXPECT_LE(RelativeError(std::span(*vectors).subspan(0, 64), std::span(hidden).subspan(0, 64)),
            kTolerance);
}

TEST_F(TinyBertFolder, PutsThePromptsOfTheFolderBeforeTexts) {
  ASSERT_OK_AND_ASSIGN(const auto plain, Load());
  Write("config_sentence_transformers.json",
        R"({"prompts": {"query": "the court ", "document": ""}})");
  ASSERT_OK_AND_ASSIGN(const auto prompted, Load());
  ASSERT_OK_AND_ASSIGN(const auto without, MakeEmbedder(plain, ""));
  ASSERT_OK_AND_ASSIGN(const auto with, MakeEmbedder(prompted, ""));
  const auto embed = [](const Embedder& embedder, std::string_view text, TextRole role) {
    return std::move(embedder.Embed({&text, 1}, role, CallContext())).value().values;
  };
  EXPECT_EQ(embed(*with, "rent", TextRole::kQuery),
            embed(*without, "the court rent", TextRole::kQuery));
  EXPECT_EQ(embed(*with, "rent", TextRole::kPassage), embed(*without, "rent", TextRole::kPassage));
}

TEST_F(TinyBertFolder, LoadsWithoutPoolingButDoesNotGuessOne) {
  std::filesystem::remove(folder_ / "modules.json");
  ASSERT_OK_AND_ASSIGN(const auto model, Load());
  EXPECT_STATUS(model->Encode({{1, 2}, {}, {}, {0, 2}}), kFailedPrecondition, "modules.json");
}

TEST_F(TinyBertFolder, NamesWhatItDoesNotSupport) {
  const std::string pooling = "1_Pooling/config.json";
  Write(pooling, R"({"pooling_mode_median_tokens": true})");
  EXPECT_STATUS(Load(), kUnimplemented, "median_tokens");
  Write(pooling, R"({"pooling_mode": ["cls", "mean"]})");
  EXPECT_STATUS(Load(), kUnimplemented, "several");
  Write(pooling, R"({"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true})");
  EXPECT_STATUS(Load(), kUnimplemented, "several");
  Write(pooling, "{");
  EXPECT_STATUS(Load(), kDataLoss, "not valid JSON");
  Write(pooling, R"({"pooling_mode_mean_tokens": true})");
  EXPECT_OK(Load());
  Write("modules.json", R"([{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
                            {"type": "sentence_transformers.models.WeightedLayerPooling"}])");
  EXPECT_STATUS(Load(), kUnimplemented, "WeightedLayerPooling");
}

// The tiny model's tensors under GGUF's names.
TEST(TinyBert, AGgufOfTheSameWeightsGivesTheSameVectors) {
  ASSERT_OK_AND_ASSIGN(const auto source, OpenWeights(DataDir() / "models" / "tiny-bert"));
  footnote::testing::GgufBuilder builder;
  builder.String("general.architecture", "bert")
      .Uint32("bert.block_count", 2)
      .Uint32("bert.embedding_length", 64)
      .Uint32("bert.feed_forward_length", 128)
      .Uint32("bert.attention.head_count", 4)
      .Uint32("bert.context_length", 64)
      .Number<float>("bert.attention.layer_norm_epsilon", 6, 1e-12f)
      .Bool("bert.attention.causal", false)
      .Uint32("bert.pooling_type", 1);
  const std::vector<std::pair<std::string, std::string>> renames = {
      {"embeddings.word_embeddings", "token_embd"},
      {"embeddings.token_type_embeddings", "token_types"},
      {"embeddings.position_embeddings", "position_embd"},
      {"embeddings.LayerNorm", "token_embd_norm"},
      {"encoder.layer.", "blk."},
      {"attention.self.query", "attn_q"},
      {"attention.self.key", "attn_k"},
      {"attention.self.value", "attn_v"},
      {"attention.output.dense", "attn_output"},
      {"attention.output.LayerNorm", "attn_output_norm"},
      {"intermediate.dense", "ffn_up"},
      {"output.dense", "ffn_down"},
      {"output.LayerNorm", "layer_output_norm"}};
  for (const StoredTensor& tensor : source->tensors()) {
    if (tensor.name.find("pooler") != std::string::npos) continue;
    std::string name = tensor.name;
    for (const auto& [from, to] : renames) {
      if (const size_t at = name.find(from); at != std::string::npos) {
        name.replace(at, from.size(), to);
      }
    }
    const std::vector<uint64_t> dimensions(tensor.shape.rbegin(), tensor.shape.rend());
    ASSERT_EQ(tensor.dtype, kernels::DType::kF16);
    builder.Tensor(name, dimensions, 1,
                   {reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()});
  }
  TempDir folder;
  std::ofstream(folder / "bert.gguf", std::ios::binary) << builder.Build();
  ASSERT_OK_AND_ASSIGN(const auto gguf, OpenWeights(folder / "bert.gguf"));
  ASSERT_OK_AND_ASSIGN(const Network network, BuildNetwork(*gguf));
  ASSERT_NE(network.encoder, nullptr);
  ASSERT_OK_AND_ASSIGN(const auto context, kernels::Context::Create(nullptr, kernels::Isa::kPlain,
                                                                    kernels::Precision::kExact));
  Workspace workspace;
  const json golden = GoldenLines("tiny_bert.jsonl").at(0);
  const EncoderBatch batch = PackedGolden(golden);
  std::vector<float> vectors((batch.offsets.size() - 1) * 64);
  ASSERT_OK(
      network.encoder->Forward(*context, workspace, batch,
                               kernels::Matrix::Of(vectors.data(), batch.offsets.size() - 1, 64)));
  EXPECT_LE(RelativeError(vectors, Base64Floats(golden["pooled"])), kTolerance);
}

}  // namespace
}  // namespace footnote::generator
